// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {LibClone} from "solady/utils/LibClone.sol";

import {IRoyaltySplitFactory} from "../interfaces/IRoyaltySplitFactory.sol";
import {RoyaltySplit} from "./RoyaltySplit.sol";
import {SplitArgs} from "./libraries/SplitArgs.sol";

contract RoyaltySplitFactory is IRoyaltySplitFactory {
    /// @dev 100 payees that burn all gas on a first payment take 13.9 M gas; a transaction may have 16.7 M.
    uint256 private constant MAX_PAYEES = 100;

    /// @dev Size of Solady's clone before its arguments.
    uint256 private constant CLONE_SIZE = 0x2d;

    /// @dev Payees and shares are in the hashed code: nothing else tells splits apart.
    bytes32 private constant SALT = 0;

    /// @inheritdoc IRoyaltySplitFactory
    address public immutable implementation = address(new RoyaltySplit());

    /// @inheritdoc IRoyaltySplitFactory
    function create(address[] calldata payees, uint16[] calldata shares) external returns (address split) {
        bool exists;
        (exists, split) = LibClone.createDeterministicClone(implementation, _args(payees, shares), SALT);
        if (!exists) emit SplitCreated(split, payees, shares);
    }

    /// @inheritdoc IRoyaltySplitFactory
    function predict(address[] calldata payees, uint16[] calldata shares) external view returns (address) {
        return _predict(_args(payees, shares));
    }

    /// @inheritdoc IRoyaltySplitFactory
    function isSplit(address candidate) external view returns (bool) {
        uint256 size = candidate.code.length;
        if (size < CLONE_SIZE || size > CLONE_SIZE + SplitArgs.PARTS_SIZE + MAX_PAYEES * SplitArgs.ENTRY_SIZE) {
            return false;
        }
        return candidate == _predict(LibClone.argsOnClone(candidate));
    }

    function _predict(bytes memory args) private view returns (address) {
        return LibClone.predictDeterministicAddress(implementation, args, SALT, address(this));
    }

    function _args(address[] calldata payees, uint16[] calldata shares) private pure returns (bytes memory) {
        uint256 count = payees.length;
        require(count != 0 && count <= MAX_PAYEES, RoyaltySplitFactory_PayeeCount(count));
        require(count == shares.length, RoyaltySplitFactory_LengthMismatch(count, shares.length));
        address previous;
        uint256 sum;
        uint256 divisor;
        for (uint256 i; i < count; ++i) {
            address payee = payees[i];
            uint256 share = shares[i];
            require(payee > previous, RoyaltySplitFactory_PayeesNotSorted(i));
            require(share != 0, RoyaltySplitFactory_ZeroShare(i));
            previous = payee;
            sum += share;
            divisor = FixedPointMathLib.gcd(divisor, share);
        }
        require(sum == SplitArgs.BASIS_POINTS, RoyaltySplitFactory_SharesSum(sum));
        return SplitArgs.encode(payees, shares, divisor);
    }
}
