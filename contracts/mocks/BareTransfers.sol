// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev The least that paying several accounts can cost: a loop of transfers and nothing else. What a
/// split's distribution is measured against. Reverts if one payment fails.
contract BareTransfers {
    function pay(address[] calldata payees, uint256 amount) external payable {
        uint256 count = payees.length;
        for (uint256 i; i < count; ++i) {
            address payee = payees[i];
            assembly ("memory-safe") {
                if iszero(call(gas(), payee, amount, 0, 0, 0, 0)) { revert(0, 0) }
            }
        }
    }
}
