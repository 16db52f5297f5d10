// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {IRoyaltySplit} from "../../interfaces/IRoyaltySplit.sol";

/// @dev Distributes with exactly so much gas, and says how much left the split. To be called, not sent.
contract GasProbe {
    function distribute(IRoyaltySplit split, address token, uint256 gasLimit)
        external
        returns (bool success, uint256 paid)
    {
        uint256 before = _balance(token, address(split));
        try split.distribute{gas: gasLimit}(token) {
            success = true;
        } catch {}
        paid = before - _balance(token, address(split));
    }

    function _balance(address token, address account) private view returns (uint256) {
        return token == address(0) ? account.balance : SafeTransferLib.balanceOf(token, account);
    }
}
