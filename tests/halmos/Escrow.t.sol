// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {StreamingEscrow} from "../../contracts/StreamingEscrow.sol";
import {StatementHash} from "../../contracts/libraries/StatementHash.sol";
import {Entry, IStreamingEscrow, SignedStatement, Statement} from "../../interfaces/IStreamingEscrow.sol";
import {Symbolic} from "./Symbolic.sol";

/// @dev E1 to E3 of pay per play in ETH, by way of the contract's public surface. The proof itself stands in for the
/// registry: two certificates with a payout each, and nothing else.
contract EscrowProofs is Symbolic {
    IStreamingEscrow private immutable ESCROW = new StreamingEscrow(address(this), address(this));

    uint256 private constant DEVICE_KEY = 0xd0;
    address private constant LISTENER = address(0x1157);
    bytes32 private constant ONE = bytes32(uint256(1));
    bytes32 private constant TWO = bytes32(uint256(2));
    address private constant PAYOUT_ONE = address(0xa1);
    address private constant PAYOUT_TWO = address(0xa2);

    struct Played {
        uint64 plays;
        uint96 amount;
    }

    /// @dev {ICopyrightRegistry.payoutOf} of the certificates of this proof.
    function payoutOf(bytes32 certificate) external pure returns (address) {
        if (certificate == ONE) return PAYOUT_ONE;
        return certificate == TWO ? PAYOUT_TWO : address(0);
    }

    /// @dev E1, E3: what two entries take from the account accrues to the payouts, to the wei, and is never more than was
    /// deposited; what is taken of an entry is all of it or nothing.
    function check_E1_nothingAppearsOrVanishes(uint96 deposited, Played calldata one, Played calldata two) external {
        vm.assume(deposited != 0);
        _deposit(deposited);
        _record(ONE, one, TWO, two);
        uint256 left = _balance();
        uint256 accruedOne = ESCROW.accruedOf(PAYOUT_ONE, ETH);
        uint256 accruedTwo = ESCROW.accruedOf(PAYOUT_TWO, ETH);
        assert(left + accruedOne + accruedTwo == deposited);
        assert(address(ESCROW).balance == deposited);
        (, uint128 recordedOne) = _recorded(ONE);
        (, uint128 recordedTwo) = _recorded(TWO);
        assert(recordedOne == accruedOne && recordedTwo == accruedTwo);
        assert(accruedOne == 0 || accruedOne == one.amount);
        assert(accruedTwo == 0 || accruedTwo == two.amount);
    }

    /// @dev E2: recorded plays and amounts only grow, whatever is signed next.
    function check_E2_recordedOnlyGrows(uint96 deposited, Played calldata first, Played calldata second) external {
        vm.assume(deposited != 0);
        _deposit(deposited);
        _record(ONE, first);
        (uint64 plays, uint128 amount) = _recorded(ONE);
        _record(ONE, second);
        (uint64 playsAfter, uint128 amountAfter) = _recorded(ONE);
        assert(playsAfter >= plays && amountAfter >= amount);
        assert(_balance() + amountAfter == deposited);
    }

    /// @dev E2: a statement recorded again changes nothing.
    function check_E2_replayChangesNothing(uint96 deposited, Played calldata played) external {
        vm.assume(deposited != 0);
        _deposit(deposited);
        _record(ONE, played);
        (uint64 plays, uint128 amount) = _recorded(ONE);
        uint256 balance = _balance();
        uint256 accrued = ESCROW.accruedOf(PAYOUT_ONE, ETH);
        _record(ONE, played);
        (uint64 playsAfter, uint128 amountAfter) = _recorded(ONE);
        assert(playsAfter == plays && amountAfter == amount);
        assert(_balance() == balance && ESCROW.accruedOf(PAYOUT_ONE, ETH) == accrued);
    }

    /// @dev E3: a withdrawal in its window pays the request, or the balance if that is less, and leaves the rest.
    function check_E3_withdrawalPaysTheLesser(uint96 deposited, uint128 requested, uint64 later) external {
        vm.assume(deposited != 0 && requested != 0);
        vm.assume(later >= 1 days && later <= 2 days);
        _deposit(deposited);
        vm.warp(1_000_000);
        vm.prank(LISTENER);
        ESCROW.requestWithdrawal(vm.addr(DEVICE_KEY), ETH, requested);
        vm.warp(1_000_000 + uint256(later));
        address to = address(0xbeef);
        vm.prank(LISTENER);
        ESCROW.withdraw(vm.addr(DEVICE_KEY), ETH, to);
        uint256 lesser = requested < deposited ? requested : deposited;
        assert(to.balance == lesser);
        assert(_balance() == deposited - lesser);
        assert(address(ESCROW).balance == _balance());
    }

    /// @dev E3: outside its window no request is paid.
    function check_E3_noWithdrawalOutsideTheWindow(uint96 deposited, uint128 requested, uint32 later) external {
        vm.assume(deposited != 0 && requested != 0);
        vm.assume(later < 1 days || later > 2 days);
        _deposit(deposited);
        vm.warp(1_000_000);
        vm.prank(LISTENER);
        ESCROW.requestWithdrawal(vm.addr(DEVICE_KEY), ETH, requested);
        vm.warp(1_000_000 + uint256(later));
        vm.prank(LISTENER);
        (bool success,) =
            address(ESCROW).call(abi.encodeCall(IStreamingEscrow.withdraw, (vm.addr(DEVICE_KEY), ETH, LISTENER)));
        assert(!success);
        assert(_balance() == deposited);
    }

    function _deposit(uint256 amount) private {
        vm.deal(address(this), amount);
        ESCROW.deposit{value: amount}(LISTENER, vm.addr(DEVICE_KEY), ETH, amount);
    }

    function _record(bytes32 certificate, Played calldata played) private {
        Entry[] memory entries = new Entry[](1);
        entries[0] = Entry(certificate, played.plays, played.amount);
        _record(entries);
    }

    function _record(bytes32 first, Played calldata one, bytes32 second, Played calldata two) private {
        Entry[] memory entries = new Entry[](2);
        entries[0] = Entry(first, one.plays, one.amount);
        entries[1] = Entry(second, two.plays, two.amount);
        _record(entries);
    }

    function _record(Entry[] memory entries) private {
        SignedStatement[] memory statements = new SignedStatement[](1);
        statements[0].statement = Statement(LISTENER, ETH, entries);
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(DEVICE_KEY, this.digest(statements[0].statement));
        statements[0].signature = abi.encodePacked(r, s, v);
        ESCROW.record(statements);
    }

    /// @dev What the device signs (EIP-712).
    function digest(Statement calldata statement) external view returns (bytes32) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Immurtal"),
                keccak256("1"),
                block.chainid,
                address(ESCROW)
            )
        );
        return keccak256(abi.encodePacked("\x19\x01", domain, StatementHash.hash(statement)));
    }

    function _balance() private view returns (uint256 balance) {
        (balance,,) = ESCROW.accountOf(LISTENER, vm.addr(DEVICE_KEY), ETH);
    }

    function _recorded(bytes32 certificate) private view returns (uint64 plays, uint128 amount) {
        return ESCROW.recordedOf(LISTENER, vm.addr(DEVICE_KEY), ETH, certificate);
    }
}
