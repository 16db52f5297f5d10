// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {RoyaltySplitFactory} from "../../contracts/RoyaltySplitFactory.sol";
import {IRoyaltySplit} from "../../interfaces/IRoyaltySplit.sol";
import {Symbolic} from "./Symbolic.sol";

/// @dev A payee that takes no money until it is told to.
contract Refuser {
    bool public willing;

    function agree() external {
        willing = true;
    }

    receive() external payable {
        require(willing);
    }
}

/// @dev S1 to S3 of the split itself, as its factory makes it, for any amount of ETH below the bound in its arguments.
contract SplitProofs is Symbolic {
    RoyaltySplitFactory private immutable FACTORY = new RoyaltySplitFactory();
    Refuser private immutable REFUSER = new Refuser();

    address private constant LOW = address(0x1001);
    address private constant HIGH = address(type(uint160).max);

    /// @dev Shares without a common divisor: a unit is a 10,000th.
    function check_S2_exactWithoutCommonDivisor(uint96 amount) external {
        _exact(amount, 3333, 6667, 10_000);
    }

    /// @dev Shares with the greatest common divisor there is.
    function check_S2_exactForHalves(uint96 amount) external {
        assert(_exact(amount, 5000, 5000, 2).balance < 2);
    }

    function check_S2_exactForQuarters(uint96 amount) external {
        assert(_exact(amount, 2500, 7500, 4).balance < 4);
    }

    /// @dev Paid is unit times share / g, and the rest waits: so payments are in proportion.
    /// @return The split.
    function _exact(uint256 amount, uint16 low, uint16 high, uint256 parts) private returns (address) {
        IRoyaltySplit split = _create(LOW, HIGH, low, high);
        vm.deal(address(this), amount);
        _distribute(split, amount);
        uint256 unit = amount / parts;
        assert(LOW.balance == unit * (low * parts / 10_000));
        assert(HIGH.balance == unit * (high * parts / 10_000));
        unchecked {
            assert(address(split).balance == amount - LOW.balance - HIGH.balance);
        }
        return address(split);
    }

    /// @dev A payee that refuses is credited what it would have been paid; the other is paid as ever; nothing above the
    /// balance is owed; a second distribution leaves the credit alone; withdrawn, all was paid.
    function check_S3_creditHarmsNobody(uint24 first, uint24 second) external {
        address refuser = address(REFUSER);
        IRoyaltySplit split = _create(LOW, refuser, 2500, 7500);
        vm.deal(address(this), uint256(first) + second);

        _distribute(split, first);
        uint256 credit = split.creditOf(ETH, refuser);
        assert(credit == uint256(first) / 4 * 3);
        assert(LOW.balance * 3 == credit);
        assert(credit <= address(split).balance);

        _distribute(split, second);
        credit = split.creditOf(ETH, refuser);
        assert(split.totalCredit(ETH) == credit);
        assert(LOW.balance * 3 == credit);
        // S1: received = paid + credited + waiting.
        assert(address(split).balance >= credit);
        assert(address(split).balance - credit < 4);
        assert(LOW.balance + address(split).balance == uint256(first) + second);
    }

    /// @dev S1: a withdrawal pays exactly the credit, and leaves none.
    function check_S1_withdrawalPaysTheCredit(uint96 amount) external {
        address refuser = address(REFUSER);
        IRoyaltySplit split = _create(LOW, refuser, 2500, 7500);
        vm.deal(address(this), amount);
        _distribute(split, amount);
        uint256 credit = split.creditOf(ETH, refuser);
        vm.assume(credit != 0);
        Refuser(payable(refuser)).agree();
        (bool success,) = address(split).call(abi.encodeCall(IRoyaltySplit.withdraw, (ETH, refuser)));
        assert(success);
        assert(refuser.balance == credit);
        assert(split.creditOf(ETH, refuser) == 0 && split.totalCredit(ETH) == 0);
        assert(LOW.balance + refuser.balance + address(split).balance == amount);
    }

    function _create(address low, address high, uint16 lowShare, uint16 highShare) private returns (IRoyaltySplit) {
        address[] memory payees = new address[](2);
        uint16[] memory shares = new uint16[](2);
        (payees[0], payees[1]) = (low, high);
        (shares[0], shares[1]) = (lowShare, highShare);
        return IRoyaltySplit(FACTORY.create(payees, shares));
    }

    /// @dev Fails only for want of gas, which halmos does not count.
    function _distribute(IRoyaltySplit split, uint256 amount) private {
        split.distribute{value: amount}(ETH);
    }
}
