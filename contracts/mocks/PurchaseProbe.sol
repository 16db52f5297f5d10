// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ILicenseManager} from "../../interfaces/ILicenseManager.sol";

/// @dev Buys with exactly so much gas, and says what the referrer was paid. To be called, not sent.
contract PurchaseProbe {
    function purchase(ILicenseManager licenses, uint256 offerId, address referrer, uint256 gasLimit)
        external
        payable
        returns (bool success, uint256 paid)
    {
        uint256 before = referrer.balance;
        try licenses.purchase{gas: gasLimit, value: msg.value}(offerId, msg.sender, referrer, msg.value) {
            success = true;
        } catch {}
        paid = referrer.balance - before;
    }
}
