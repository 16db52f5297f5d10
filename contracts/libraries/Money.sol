// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "solady/tokens/ERC20.sol";
import {SafeTransferLib} from "solady/utils/SafeTransferLib.sol";

import {ILicenseManager} from "../../interfaces/ILicenseManager.sol";

/// @title How a purchase's money moves: ETH and tokens that this contract holds, or tokens of a payer by allowance
/// @dev None of it ever goes to this contract itself, where it would be nobody's.
library Money {
    /// @dev Gas that a referrer is paid with.
    uint256 private constant PUSH_GAS = 100_000;

    /// @dev What must be left before a push, so that the referrer really has {PUSH_GAS}: 64/63 of it (EIP-150), and the
    /// dearest call there is (2,600 for a cold account, 2,600 for a cold delegate of EIP-7702, 9,000 for value, 25,000
    /// for a new account), rounded up.
    uint256 private constant GAS_BEFORE_PUSH = 142_000;

    /// @param token ERC-20 token, or zero for ETH, which this contract holds always.
    /// @param from Whose tokens they are: this contract's, or a payer's who allowed this contract to move them.
    struct Source {
        address token;
        address from;
    }

    /// @dev Pays all of it, with all gas, or reverts.
    function pay(Source memory source, address to, uint256 amount) internal {
        address token = source.token;
        if (token == address(0)) {
            bool success = SafeTransferLib.trySafeTransferETH(to, amount, gasleft());
            if (!success) revert ILicenseManager.LicenseManager_PaymentFailed(to, amount);
        } else if (to == address(this)) {
            revert ILicenseManager.LicenseManager_PaymentFailed(to, amount);
        } else if (source.from == address(this)) {
            SafeTransferLib.safeTransfer(token, to, amount);
        } else {
            SafeTransferLib.safeTransferFrom(token, source.from, to, amount);
        }
    }

    /// @dev Pays with {PUSH_GAS}, or says that it could not; reads at most a word of what is returned. Without the check
    /// of the gas that is left, an estimate would end at the smallest limit that skips the payment.
    function push(Source memory source, address to, uint256 amount) internal returns (bool done) {
        if (to == address(this)) return false;
        address token = source.token;
        bytes memory data = source.from == address(this)
            ? abi.encodeCall(ERC20.transfer, (to, amount))
            : abi.encodeCall(ERC20.transferFrom, (source.from, to, amount));
        if (gasleft() < GAS_BEFORE_PUSH) revert ILicenseManager.LicenseManager_TooLittleGas();
        if (token == address(0)) return SafeTransferLib.trySafeTransferETH(to, amount, PUSH_GAS);
        assembly ("memory-safe") {
            mstore(0x00, 0)
            done := call(PUSH_GAS, token, 0, add(data, 0x20), mload(data), 0x00, 0x20)
            if done {
                switch returndatasize()
                case 0 { done := iszero(iszero(extcodesize(token))) }
                default { done := and(gt(returndatasize(), 0x1f), eq(mload(0x00), 1)) }
            }
        }
    }
}
