// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Purchase} from "../../interfaces/ILicenseManager.sol";
import {IPermit2} from "../../interfaces/IPermit2.sol";

/// @title A payer's leave, given to Permit2, that this contract takes the price of exactly one purchase
library PurchasePermit {
    IPermit2 private constant PERMIT2 = IPermit2(0x000000000022D473030F116dDEE9F6B43aC78BA3);

    bytes32 private constant PURCHASE_TYPEHASH =
        keccak256("Purchase(uint256 offerId,address recipient,address referrer,uint256 maxPrice)");

    /// @dev What Permit2 appends to the beginning of its own type.
    string private constant WITNESS_TYPE = "Purchase witness)"
        "Purchase(uint256 offerId,address recipient,address referrer,uint256 maxPrice)"
        "TokenPermissions(address token,uint256 amount)";

    /// @dev Takes `price` of `token` from `payer`, who signed `order`; reverts with what Permit2 says.
    function take(
        Purchase memory order,
        address payer,
        address token,
        uint256 price,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) internal {
        PERMIT2.permitWitnessTransferFrom(
            IPermit2.PermitTransferFrom(IPermit2.TokenPermissions(token, order.maxPrice), nonce, deadline),
            IPermit2.SignatureTransferDetails(address(this), price),
            payer,
            keccak256(abi.encode(PURCHASE_TYPEHASH, order.offerId, order.recipient, order.referrer, order.maxPrice)),
            WITNESS_TYPE,
            signature
        );
    }
}
