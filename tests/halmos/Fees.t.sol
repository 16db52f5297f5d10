// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {LicenseManager} from "../../contracts/LicenseManager.sol";
import {Visibility} from "../../interfaces/ICopyrightRegistry.sol";
import {ILicenseManager, Offer, OfferKind} from "../../interfaces/ILicenseManager.sol";
import {Symbolic} from "./Symbolic.sol";

/// @dev L3, L4 and L1 of a purchase in ETH, by way of the contract's public surface. The proof itself stands in for the
/// registry, and owns four certificates on sale, with a payout each.
contract FeeProofs is Symbolic {
    ILicenseManager private immutable LICENSES = new LicenseManager(address(this), address(this));

    address private constant BUYER = address(0xb1);
    address private constant REFERRER = address(0xc1);
    address private constant PAYOUTS = address(0xa0);

    /// @dev {ICopyrightRegistry.access} of the certificates of this proof.
    function access(bytes32) external view returns (address owner, Visibility visibility) {
        return (address(this), Visibility.Licensed);
    }

    /// @dev {ICopyrightRegistry.payoutOf} of the certificates of this proof: one each.
    function payoutOf(bytes32 certificate) external pure returns (address) {
        return _payout(uint256(certificate));
    }

    /// @dev L3, L4: referral and payments sum to the price, to the wei, and nothing stays in the contract.
    function check_L3_partsSumToThePrice(uint96 price, uint16 referralBps) external {
        vm.assume(referralBps <= 5_000);
        _buy(price, referralBps, REFERRER);
        uint256 paid = REFERRER.balance;
        for (uint256 i = 1; i <= 4; ++i) {
            paid += _payout(i).balance;
        }
        assert(paid == price);
        assert(address(LICENSES).balance == 0 && address(this).balance == 0);
    }

    /// @dev L4: the referral is rounded down.
    function check_L4_referralRoundsDown(uint96 price, uint16 referralBps) external {
        vm.assume(referralBps <= 5_000);
        _buy(price, referralBps, REFERRER);
        assert(REFERRER.balance == uint256(price) * referralBps / 10_000);
    }

    /// @dev L4: nobody named, nobody paid: all of it goes to the payouts, equally, the remainder to the first.
    function check_L4_equalParts(uint96 price) external {
        _buy(price, 5_000, address(0));
        uint256 first = _payout(1).balance;
        uint256 each = _payout(2).balance;
        assert(_payout(3).balance == each && _payout(4).balance == each);
        assert(first >= each && first - each < 4);
        assert(first + 3 * each == price);
    }

    /// @dev L1: a pass ends `duration` after now or after it would have, whichever is later, at most at 2^64 - 1.
    function check_L1_passExtends(uint64 duration, uint64 start, uint64 renewed) external {
        vm.assume(duration != 0 && start != 0 && renewed >= start);
        uint256 offerId = _offer(1, OfferKind.Pass, duration, 0, 0);
        vm.warp(start);
        LICENSES.purchase(offerId, BUYER, address(0), 0);
        uint64 first = LICENSES.expiryOf(offerId, BUYER);
        assert(first == _saturating(start, duration));
        assert(LICENSES.hasAccess(bytes32(uint256(1)), BUYER, offerId) == (first > start));
        vm.warp(renewed);
        LICENSES.purchase(offerId, BUYER, address(0), 0);
        uint64 second = LICENSES.expiryOf(offerId, BUYER);
        assert(second == _saturating(first > renewed ? first : renewed, duration));
        assert(second >= first);
    }

    function _saturating(uint64 a, uint64 b) private pure returns (uint256 sum) {
        sum = uint256(a) + b;
        if (sum > type(uint64).max) sum = type(uint64).max;
    }

    function _buy(uint256 price, uint16 referralBps, address referrer) private {
        uint256 offerId = _offer(4, OfferKind.Perpetual, 0, uint128(price), referralBps);
        vm.deal(address(this), price);
        LICENSES.purchase{value: price}(offerId, BUYER, referrer, price);
    }

    function _offer(uint256 count, OfferKind kind, uint64 duration, uint128 price, uint16 referralBps)
        private
        returns (uint256)
    {
        Offer memory offer;
        offer.certificates = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            offer.certificates[i] = bytes32(i + 1);
        }
        (offer.kind, offer.duration, offer.referralBps) = (kind, duration, referralBps);
        return LICENSES.createOffer(offer, price, 0);
    }

    function _payout(uint256 certificate) private pure returns (address) {
        return address(uint160(PAYOUTS) + uint160(certificate));
    }
}
