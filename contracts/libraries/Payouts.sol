// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILicenseManager} from "../../interfaces/ILicenseManager.sol";
import {IRoyaltySplit} from "../../interfaces/IRoyaltySplit.sol";
import {IRoyaltySplitFactory} from "../../interfaces/IRoyaltySplitFactory.sol";
import {Money} from "./Money.sol";

/// @title How the money of one purchase is divided over the payouts of its certificates
library Payouts {
    using Money for Money.Source;

    /// @dev Divides `amount` equally, the remainder to the first; equal neighbours in one payment. Where a split is paid
    /// more than once, only its last payment distributes: else its payees, few as they are, could burn their gas as often
    /// as it is paid, and block the sale.
    /// @param payouts One for each certificate, in order.
    function pay(address factory, uint256 offerId, address[] memory payouts, Money.Source memory source, uint256 amount)
        internal
    {
        uint256 count = payouts.length;
        uint256 share = amount / count;
        uint256 sum = amount % count;
        for (uint256 i; i < count; ++i) {
            sum += share;
            if (i + 1 == count || payouts[i + 1] != payouts[i]) {
                address payout = payouts[i];
                if (sum != 0) {
                    // With a share of 0 the first payment is the only one.
                    bool last = share == 0 || !_recurs(payouts, i);
                    bool distributes = last && payout.code.length != 0 && IRoyaltySplitFactory(factory).isSplit(payout);
                    _payOne(payout, source, sum, distributes);
                    emit ILicenseManager.Paid(offerId, payout, source.token, sum);
                }
                sum = 0;
            }
        }
    }

    /// @dev A split of ours that `distributes` shares what it holds in the same call, and its failure is ours. Any other
    /// payout can only fail this purchase.
    function _payOne(address payout, Money.Source memory source, uint256 amount, bool distributes) private {
        if (distributes && source.token == address(0)) {
            IRoyaltySplit(payout).distribute{value: amount}(address(0));
        } else {
            source.pay(payout, amount);
            if (distributes) IRoyaltySplit(payout).distribute(source.token);
        }
    }

    /// @dev Whether the payout at `i` is there again further on.
    function _recurs(address[] memory payouts, uint256 i) private pure returns (bool found) {
        assembly ("memory-safe") {
            let at := add(add(payouts, 0x20), shl(5, i))
            let payout := mload(at)
            let end := add(payouts, shl(5, add(mload(payouts), 1)))
            for { at := add(at, 0x20) } lt(at, end) { at := add(at, 0x20) } {
                if eq(mload(at), payout) {
                    found := 1
                    break
                }
            }
        }
    }
}
