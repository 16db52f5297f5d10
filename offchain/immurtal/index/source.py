"""Reading the chain for the index, and believing none of it unchecked.

Headers must link and be what was asked for; logs must belong to their block and lie in its bloom;
a block whose bloom speaks of us without logs is looked into wholly.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from immurtal.chain.abi import Event, decode_log, event_topics
from immurtal.chain.deployment import Deployment
from immurtal.chain.rpc import RpcError, RpcLike, RpcPool
from immurtal.errors import IntegrityError, Unreachable
from immurtal.index import schema
from immurtal.index.bloom import BLOOM_BYTES, bloom_of, may_hold
from immurtal.index.handlers import HANDLERS
from immurtal.index.rows import State

FINALITY_DEPTH: Final = 64  # blocks; where the endpoint knows no `finalized`
_SPLIT: Final = "RoyaltySplit"
_BIGGEST_NUMBER: Final = 2**63 - 1  # what the databases can hold

RawLog = Mapping[str, Any]

logger = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Header:
    """bloom: as a number. timestamp: seconds."""

    number: int
    hash: str
    parent: str
    timestamp: int
    bloom: int


@dataclass(frozen=True, slots=True)
class Block:
    """`logs`: those that may be ours, in order."""

    header: Header
    logs: tuple[RawLog, ...]


@dataclass(frozen=True, slots=True)
class Span:
    """A range of final blocks: its logs in order, and its last block."""

    last: Header
    logs: tuple[RawLog, ...]


class Ours:
    """Which logs concern us: those of our contracts, and those that a split of ours may have
    written, which only the tables can tell (there may be too many splits to name)."""

    def __init__(self, deployment: Deployment) -> None:
        self._contracts = {
            address: name
            for name, address in deployment.addresses.items()
            if any(contract == name for contract, _ in HANDLERS) and name != _SPLIT
        }
        self._topics = {address: _topics(name) for address, name in self._contracts.items()}
        self._split_topics = _topics(_SPLIT)
        self._addresses = [bytes.fromhex(a[2:]) for a in self._contracts]

    def filters(self, place: Mapping[str, str]) -> list[dict[str, Any]]:
        topics = sorted(set().union(*self._topics.values()))
        return [
            {"address": sorted(self._contracts), "topics": [topics], **place},
            {"topics": [sorted(self._split_topics)], **place},
        ]

    def may_be_in(self, bloom: int) -> bool:
        items = [*self._addresses, *(bytes.fromhex(t[2:]) for t in self._split_topics)]
        return any(may_hold(bloom, item) for item in items)

    def has(self, log: RawLog) -> bool:
        if not log["topics"]:
            return False
        topic = log["topics"][0]
        return topic in self._topics.get(log["address"], ()) or topic in self._split_topics

    def event(self, state: State, log: RawLog) -> Event | None:
        """None if its writer is not ours after all. Raises IntegrityError."""
        contract = self._contracts.get(log["address"])
        if contract is None:
            if state.get(schema.splits, (log["address"],)) is None:
                return None
            contract = _SPLIT
        return decode_log(log, contract)


class Source:
    """Raises RpcError, Unreachable, and IntegrityError for what cannot be true."""

    def __init__(self, rpc: RpcLike, ours: Ours, finality_depth: int = FINALITY_DEPTH) -> None:
        self._rpc = rpc
        self._endpoints: Sequence[RpcLike] = rpc.endpoints if isinstance(rpc, RpcPool) else [rpc]
        self._ours = ours
        self._finality_depth = finality_depth
        self._knows_final = False

    async def chain_id(self) -> int:
        return _number(await self._rpc.call("eth_chainId", []))

    async def tip(self) -> tuple[Header, int]:
        """The head, and the number of the newest final block."""
        calls = [("eth_getBlockByNumber", [tag, False]) for tag in ("latest", "finalized")]
        latest, finalized = await self._rpc.batch(calls)
        head = _header(_answer(latest))
        if isinstance(finalized, RpcError) and self._knows_final:
            raise finalized
        if isinstance(finalized, RpcError) or finalized is None:
            return head, max(0, head.number - self._finality_depth)
        self._knows_final = True
        return head, min(head.number, _header(finalized).number)

    async def header(self, number: int) -> Header:
        header = _header(await self._rpc.call("eth_getBlockByNumber", [hex(number), False]))
        if header.number != number:
            raise IntegrityError(f"Asked for block {number}, got {header.number}.")
        return header

    async def parent_of(self, child: Header) -> Header:
        header = _header(await self._rpc.call("eth_getBlockByHash", [child.parent, False]))
        if (header.hash, header.number) != (child.parent, child.number - 1):
            raise IntegrityError(f"Asked for the parent of block {child.number}, got another.")
        return header

    async def headers(self, first: int, last: int) -> list[Header]:
        """As far as they are there and linked: fewer where the chain changes meanwhile."""
        calls = [("eth_getBlockByNumber", [hex(n), False]) for n in range(first, last + 1)]
        linked: list[Header] = []
        for number, answer in zip(
            range(first, last + 1), await self._rpc.batch(calls), strict=True
        ):
            if answer is None:
                break
            header = _header(_answer(answer))
            if header.number != number:
                raise IntegrityError(f"Asked for block {number}, got {header.number}.")
            if linked and header.parent != linked[-1].hash:
                break
            linked.append(header)
        if not linked:
            raise Unreachable(f"The RPC endpoint does not have block {first}.")
        return linked

    async def blocks(self, headers: Sequence[Header]) -> list[Block]:
        """The logs of each, asked for by block hash."""
        asked = [h for h in headers if self._ours.may_be_in(h.bloom)]
        calls = [
            ("eth_getLogs", [query])
            for header in asked
            for query in self._ours.filters({"blockHash": header.hash})
        ]
        answers = await self._rpc.batch(calls) if calls else []
        found: dict[str, tuple[RawLog, ...]] = {}
        for position, header in enumerate(asked):
            mine = self._at_first_look(header, answers[2 * position : 2 * position + 2])
            found[header.hash] = mine or await self._all_logs(header)
        return [Block(header, found.get(header.hash, ())) for header in headers]

    async def span(self, first: int, last: int, base: int) -> tuple[Header, Span]:
        """Blocks first to last, which are final, and the header of block `base` as it is now."""
        place = {"fromBlock": hex(first), "toBlock": hex(last)}
        calls = [("eth_getBlockByNumber", [hex(number), False]) for number in (base, last)]
        calls += [("eth_getLogs", [query]) for query in self._ours.filters(place)]
        below, end, *answers = await self._rpc.batch(calls)
        logs = [log for answer in answers for log in _logs(answer)]
        headers = _header(_answer(below)), _header(_answer(end))
        if [h.number for h in headers] != [base, last]:
            raise IntegrityError(f"Asked for blocks {base} and {last}, got others.")
        return headers[0], Span(headers[1], self._in_range(logs, first, last))

    def _at_first_look(self, header: Header, answers: Sequence[Any]) -> tuple[RawLog, ...]:
        """Nothing where the answer cannot be believed, as where there was nothing."""
        try:
            return self._checked(header, [log for answer in answers for log in _logs(answer)])
        except (RpcError, IntegrityError) as error:
            logger.warning("logs-refused", block=header.number, reason=str(error))
            return ()

    async def _all_logs(self, header: Header) -> tuple[RawLog, ...]:
        """The bloom speaks of us and no good log was given: by chance, or they are withheld. All
        logs of the block together give its bloom exactly, whichever endpoint has them."""
        problem: Exception | None = None
        for endpoint in self._endpoints:
            try:
                answer = await endpoint.call("eth_getLogs", [{"blockHash": header.hash}])
                logs = _logs(answer)
                if bloom_of(item for log in logs for item in _bloomed(log)) == header.bloom:
                    return self._checked(header, logs)
            except (RpcError, Unreachable, IntegrityError) as error:
                problem = error
        raise IntegrityError(
            f"The logs of block {header.number} are not those that its bloom speaks of.",
            do="If this persists, the RPC endpoint is broken: configure another one.",
        ) from problem

    def _checked(self, header: Header, logs: list[RawLog]) -> tuple[RawLog, ...]:
        """Those that may be ours, in order, every one truly of this block."""
        for log in logs:
            if (log["blockHash"], log["number"]) != (header.hash, header.number):
                raise IntegrityError(f"A log of another block was given for {header.number}.")
            if not all(may_hold(header.bloom, item) for item in _bloomed(log)):
                raise IntegrityError(f"A log of block {header.number} is not in its bloom.")
        return _ordered(log for log in logs if self._ours.has(log))

    def _in_range(self, logs: list[RawLog], first: int, last: int) -> tuple[RawLog, ...]:
        hashes: dict[int, str] = {}
        for log in logs:
            number = log["number"]
            if not first <= number <= last:
                raise IntegrityError(f"A log of block {number} was given for {first} to {last}.")
            if hashes.setdefault(number, log["blockHash"]) != log["blockHash"]:
                raise IntegrityError(f"The logs of block {number} are of two blocks.")
        return _ordered(log for log in logs if self._ours.has(log))


def _topics(contract: str) -> frozenset[str]:
    handled = {name for holder, name in HANDLERS if holder == contract}
    return frozenset(t for name, t in event_topics(contract).items() if name in handled)


def _ordered(logs: Any) -> tuple[RawLog, ...]:
    ordered = sorted(logs, key=lambda log: (log["number"], log["index"]))
    places = {(log["number"], log["index"]) for log in ordered}
    if len(places) != len(ordered):
        raise IntegrityError("The RPC endpoint gives the same log twice.")
    return tuple(ordered)


def _bloomed(log: RawLog) -> list[bytes]:
    return [bytes.fromhex(item[2:]) for item in (log["address"], *log["topics"])]


def _answer(answer: Any) -> Any:
    if isinstance(answer, RpcError):
        raise answer
    return answer


def _logs(answer: Any) -> list[RawLog]:
    """Logs as the endpoint gives them, lower case, with `number` and `index` read."""
    answer = _answer(answer)
    try:
        return [
            {
                **log,
                "address": _hex(log["address"], 20),
                "topics": [_hex(topic, 32) for topic in log["topics"]],
                "blockHash": _hex(log["blockHash"], 32),
                "number": _number(log["blockNumber"]),
                "index": _number(log["logIndex"]),
            }
            for log in answer
        ]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError("The RPC endpoint gives malformed logs.") from error


def _header(answer: Any) -> Header:
    if answer is None:
        raise Unreachable(
            "The RPC endpoint does not have a block that was asked for.",
            do="Wait until it has caught up, or configure another one.",
        )
    try:
        return Header(
            number=_number(answer["number"]),
            hash=_hex(answer["hash"], 32),
            parent=_hex(answer["parentHash"], 32),
            timestamp=_number(answer["timestamp"]),
            bloom=int(_hex(answer["logsBloom"], BLOOM_BYTES), 16),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise IntegrityError("The RPC endpoint gives a malformed block header.") from error


def _hex(text: str, length: int) -> str:
    if not text.startswith("0x") or len(bytes.fromhex(text[2:])) != length:
        raise ValueError(f"not {length} bytes")
    return text.lower()


def _number(text: str) -> int:
    number = int(text, 16)
    if not 0 <= number <= _BIGGEST_NUMBER:
        raise ValueError("a number out of range")
    return number
