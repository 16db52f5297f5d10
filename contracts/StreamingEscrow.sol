// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ECDSA} from "solady/utils/ECDSA.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {ICopyrightRegistry} from "../interfaces/ICopyrightRegistry.sol";
import {IRoyaltySplit} from "../interfaces/IRoyaltySplit.sol";
import {IRoyaltySplitFactory} from "../interfaces/IRoyaltySplitFactory.sol";
import {Entry, IStreamingEscrow, Rejection, SignedStatement, Skip, Statement} from "../interfaces/IStreamingEscrow.sol";
import {StatementHash} from "./libraries/StatementHash.sol";
import {UsageLog} from "./libraries/UsageLog.sol";

/// @title StreamingEscrow
/// @notice See the documentation in {IStreamingEscrow}.
contract StreamingEscrow is IStreamingEscrow, EIP712, ReentrancyGuardTransient {
    using UsageLog for uint256[];

    /*//////////////////////////////////////////////////////////////////////////
                                       STORAGE
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStreamingEscrow
    address public immutable override registry;

    /// @inheritdoc IStreamingEscrow
    address public immutable override factory;

    uint256 private constant MAX_ENTRIES = 256;

    /// @dev How long after a request it can be withdrawn, and how long after that it still can.
    uint64 private constant WAIT = 1 days;
    uint64 private constant WINDOW = 1 days;

    /// @dev What of an accrual stays, so that the slot is never emptied: the next accrual is cheaper by 17,100 gas.
    uint256 private constant STAYS = 1;

    /// @dev
    /// ```
    /// slot 0   [0..127] amount   [128..191] requestedAt
    /// ```
    struct Request {
        uint128 amount;
        uint64 requestedAt;
    }

    /// @dev Slot 0. An account is `keccak256(abi.encode(listener, device, token))`. Its balance has a slot of its own, the
    /// only one of the account that {record} writes once a statement.
    mapping(bytes32 account => uint128 balance) private _balances;

    /// @dev Slot 1.
    mapping(bytes32 account => Request request) private _requests;

    /// @dev Slot 2. What was recorded is one word, read and written whole: see {_pack}.
    /// ```
    /// [0..63] plays   [64..191] amount
    /// ```
    mapping(bytes32 account => mapping(bytes32 certificate => uint256 recorded)) private _recorded;

    /// @dev Slot 3. Accruals are increases of balances, each below 2^128: no number of them that can be reached overflows.
    mapping(address payout => mapping(address token => uint256 accrued)) private _accrued;

    /*//////////////////////////////////////////////////////////////////////////
                                     CONSTRUCTOR
    //////////////////////////////////////////////////////////////////////////*/

    /// @param registry_ Registry of the certificates that are played.
    /// @param factory_ Factory of royalty splits.
    constructor(address registry_, address factory_) {
        registry = registry_;
        factory = factory_;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStreamingEscrow
    function deposit(address listener, address device, address token, uint256 amount)
        external
        payable
        override
        nonReentrant
    {
        if (listener == address(0) || device == address(0)) revert StreamingEscrow_ZeroAccount();
        uint256 expected = token == address(0) ? amount : 0;
        if (msg.value != expected) revert StreamingEscrow_WrongPayment(expected, msg.value);
        uint256 arrived = token == address(0) ? amount : _pull(token, amount);
        if (arrived == 0) revert StreamingEscrow_NothingDeposited();

        // Read only now: a token may have called {record} meanwhile.
        bytes32 account = _account(listener, device, token);
        uint256 balance = FixedPointMathLib.saturatingAdd(_balances[account], arrived);
        if (balance > type(uint128).max) revert StreamingEscrow_DepositTooLarge(balance);
        _balances[account] = uint128(balance);
        emit Deposited(listener, device, token, msg.sender, arrived);
    }

    /// @inheritdoc IStreamingEscrow
    function requestWithdrawal(address device, address token, uint128 amount) external override {
        bytes32 account = _account(msg.sender, device, token);
        if (amount == 0) {
            delete _requests[account];
            emit WithdrawalRequested(msg.sender, device, token, 0, 0, 0);
            return;
        }
        uint64 time = uint64(block.timestamp);
        _requests[account] = Request(amount, time);
        emit WithdrawalRequested(msg.sender, device, token, amount, time + WAIT, time + WAIT + WINDOW);
    }

    /// @inheritdoc IStreamingEscrow
    function withdraw(address device, address token, address to) external override nonReentrant {
        bytes32 account = _account(msg.sender, device, token);
        uint128 requested = _pending(account);
        if (requested == 0) revert StreamingEscrow_NoRequest(msg.sender, device, token);
        uint64 from = _requests[account].requestedAt + WAIT;
        if (block.timestamp < from) revert StreamingEscrow_TooEarly(from);
        uint128 balance = _balances[account];
        if (balance == 0) revert StreamingEscrow_NothingToWithdraw(msg.sender, device, token);
        if (to == address(0)) revert StreamingEscrow_ZeroRecipient();

        uint128 amount = requested < balance ? requested : balance;
        delete _requests[account];
        _balances[account] = balance - amount;
        emit Withdrawn(msg.sender, device, token, to, amount);
        _pay(to, token, amount);
    }

    /// @inheritdoc IStreamingEscrow
    function record(SignedStatement[] calldata statements) external override {
        for (uint256 i; i < statements.length; ++i) {
            Statement calldata statement = statements[i].statement;
            if (statement.entries.length > MAX_ENTRIES) {
                emit StatementRejected(i, Rejection.TooManyEntries);
                continue;
            }
            bytes32 digest = _hashTypedData(StatementHash.hash(statement));
            // Zero for any length but 64 and 65. A signature has a twin, of the other `s`: nothing depends on its bytes.
            address device = ECDSA.tryRecoverCalldata(digest, statements[i].signature);
            if (device == address(0)) emit StatementRejected(i, Rejection.InvalidSignature);
            else _record(statement, device);
        }
    }

    /// @inheritdoc IStreamingEscrow
    function release(address payout, address token) external override nonReentrant {
        uint256 accrued = _accrued[payout][token];
        if (accrued <= STAYS) revert StreamingEscrow_NothingToRelease(payout, token);
        uint256 amount = accrued - STAYS;
        _accrued[payout][token] = STAYS;
        emit Released(payout, token, amount);

        bool isSplit = payout.code.length != 0 && IRoyaltySplitFactory(factory).isSplit(payout);
        if (isSplit && token == address(0)) {
            IRoyaltySplit(payout).distribute{value: amount}(token);
        } else {
            _pay(payout, token, amount);
            if (isSplit) IRoyaltySplit(payout).distribute(token);
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStreamingEscrow
    function accountOf(address listener, address device, address token)
        external
        view
        override
        returns (uint128 balance, uint128 requested, uint64 requestedAt)
    {
        bytes32 account = _account(listener, device, token);
        Request storage request = _requests[account];
        return (_balances[account], request.amount, request.requestedAt);
    }

    /// @inheritdoc IStreamingEscrow
    function available(address listener, address device, address token) external view override returns (uint128) {
        bytes32 account = _account(listener, device, token);
        uint128 balance = _balances[account];
        uint128 requested = _pending(account);
        return balance > requested ? balance - requested : 0;
    }

    /// @inheritdoc IStreamingEscrow
    function recordedOf(address listener, address device, address token, bytes32 certificate)
        external
        view
        override
        returns (uint64 plays, uint128 amount)
    {
        return _unpack(_recorded[_account(listener, device, token)][certificate]);
    }

    /// @inheritdoc IStreamingEscrow
    function accruedOf(address payout, address token) external view override returns (uint256) {
        return _accrued[payout][token];
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       RECORDING
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev Takes a statement's entries in order.
    function _record(Statement calldata statement, address device) private {
        (address listener, address token) = (statement.listener, statement.token);
        Entry[] calldata entries = statement.entries;
        bytes32 account = _account(listener, device, token);
        mapping(bytes32 certificate => uint256 recorded) storage recordedOfAccount = _recorded[account];
        uint256 left = _balances[account];
        uint256[] memory usages = UsageLog.start(entries.length);
        // Entries in a row with one payout accrue to it in one write.
        address accruing;
        uint256 sum;

        for (uint256 i; i < entries.length; ++i) {
            (bytes32 certificate, uint64 plays, uint128 amount) = _fields(entries[i]);
            address payout = ICopyrightRegistry(registry).payoutOf(certificate);
            (uint64 playsBefore, uint128 amountBefore) = _unpack(recordedOfAccount[certificate]);
            (bool takes, Skip reason) = _judge(payout, plays, playsBefore, amount, amountBefore, left);
            if (!takes) {
                emit EntrySkipped(listener, device, token, certificate, reason);
                continue;
            }
            recordedOfAccount[certificate] = _pack(plays, amount);
            if (payout != accruing) {
                _accrue(accruing, token, sum);
                (accruing, sum) = (payout, 0);
            }
            // {_judge} saw that neither is less than before, and that `left` covers the increase.
            unchecked {
                uint256 increase = amount - amountBefore;
                usages.add(certificate, plays - playsBefore, increase, payout);
                left -= increase;
                sum += increase;
            }
        }
        _accrue(accruing, token, sum);
        if (left != _balances[account]) _balances[account] = uint128(left);
        usages.emitAll(listener, device, token);
    }

    /// @dev Whether an entry is taken, or else why not: the first that holds, in the order of {Skip}.
    function _judge(
        address payout,
        uint256 plays,
        uint256 playsBefore,
        uint256 amount,
        uint256 amountBefore,
        uint256 left
    ) private pure returns (bool takes, Skip reason) {
        if (payout == address(0)) return (false, Skip.UnknownCertificate);
        if (plays < playsBefore || amount < amountBefore) return (false, Skip.NotMore);
        if (plays == playsBefore && amount == amountBefore) return (false, Skip.NotMore);
        unchecked {
            if (amount - amountBefore > left) return (false, Skip.BalanceTooLow);
        }
        return (true, reason);
    }

    /// @dev Reading them checks that each is as wide as its type.
    function _fields(Entry calldata entry) private pure returns (bytes32, uint64, uint128) {
        return (entry.certificate, entry.plays, entry.amount);
    }

    function _pack(uint64 plays, uint128 amount) private pure returns (uint256) {
        return (uint256(amount) << 64) | plays;
    }

    function _unpack(uint256 recorded) private pure returns (uint64 plays, uint128 amount) {
        return (uint64(recorded), uint128(recorded >> 64));
    }

    function _accrue(address payout, address token, uint256 amount) private {
        if (amount != 0) _accrued[payout][token] += amount;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                        ACCOUNTS
    //////////////////////////////////////////////////////////////////////////*/

    function _account(address listener, address device, address token) private pure returns (bytes32) {
        return keccak256(abi.encode(listener, device, token));
    }

    /// @dev What is asked back; 0 if nothing is, or the request lapsed.
    function _pending(bytes32 account) private view returns (uint128) {
        Request storage request = _requests[account];
        return block.timestamp > uint256(request.requestedAt) + WAIT + WINDOW ? 0 : request.amount;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                         MONEY
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev Takes a token from the caller. 0 if its balance cannot be read: a balance taken for 0 before and read after
    /// would credit the caller with everybody's.
    /// @return arrived By how much the balance grew.
    function _pull(address token, uint256 amount) private returns (uint256 arrived) {
        if (token.code.length == 0) revert StreamingEscrow_TokenHasNoCode(token);
        (bool known, uint256 before) = SafeTransferLib.checkBalanceOf(token, address(this));
        SafeTransferLib.safeTransferFrom(token, msg.sender, address(this), amount);
        (bool stillKnown, uint256 balance) = SafeTransferLib.checkBalanceOf(token, address(this));
        return known && stillKnown ? FixedPointMathLib.zeroFloorSub(balance, before) : 0;
    }

    /// @dev With all gas: whoever burns it harms only a payment of their own. What this contract paid to itself would be
    /// nobody's.
    function _pay(address to, address token, uint256 amount) private {
        if (to == address(this)) revert StreamingEscrow_PaymentFailed(to, amount);
        if (token != address(0)) return SafeTransferLib.safeTransfer(token, to, amount);
        bool success;
        // A plain call that copies no return data.
        assembly ("memory-safe") {
            success := call(gas(), to, amount, 0, 0, 0, 0)
        }
        if (!success) revert StreamingEscrow_PaymentFailed(to, amount);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    HOOKS OF SOLADY
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev Solady would use storage on other chains than mainnet.
    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Immurtal", "1");
    }
}
