// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Offer, OfferKind, OfferState} from "../../interfaces/ILicenseManager.sol";

/// @title Offers as they are stored
library Offers {
    uint256 internal constant MAX_CERTIFICATES = 64;

    /// @dev An offer. A purchase in ETH reads slots 0 to 2 and the certificates.
    /// ```
    /// slot 0       [0..159] seller   [160..167] kind   [168..175] transferable   [176..183] open   [184..191] closed
    ///              [192..207] referralBps   [208..215] count
    /// slot 1       [0..127] price   [128..191] maxSupply   [192..255] sold
    /// slot 2       [0..159] token   [160..223] duration
    /// slot 3       terms
    /// slot 4       salt
    /// slot 5..68   certificates, ascending; the first `count` are written
    /// ```
    struct Record {
        address seller;
        OfferKind kind;
        bool transferable;
        bool open;
        bool closed;
        uint16 referralBps;
        uint8 count;
        uint128 price;
        uint64 maxSupply;
        uint64 sold;
        address token;
        uint64 duration;
        bytes32 terms;
        bytes32 salt;
        bytes32[MAX_CERTIFICATES] certificates;
    }

    /// @dev See {ILicenseManager-createOffer}.
    function idOf(Offer calldata offer, address seller) internal pure returns (uint256) {
        return uint256(
            keccak256(
                abi.encode(
                    seller,
                    offer.certificates,
                    offer.kind,
                    offer.token,
                    offer.duration,
                    offer.transferable,
                    offer.referralBps,
                    offer.terms,
                    offer.salt
                )
            )
        );
    }

    /// @dev A new offer, open, of which nothing is sold. `offer` has at most {MAX_CERTIFICATES}.
    function write(Record storage record, Offer calldata offer, address seller, uint128 price, uint64 maxSupply)
        internal
    {
        uint256 count = offer.certificates.length;
        record.seller = seller;
        record.kind = offer.kind;
        record.transferable = offer.transferable;
        record.open = true;
        record.referralBps = offer.referralBps;
        record.count = uint8(count);
        record.price = price;
        record.maxSupply = maxSupply;
        record.token = offer.token;
        record.duration = offer.duration;
        record.terms = offer.terms;
        record.salt = offer.salt;
        for (uint256 i; i < count; ++i) {
            record.certificates[i] = offer.certificates[i];
        }
    }

    /// @dev What {write} wrote, and what changed since.
    function read(Record storage record) internal view returns (Offer memory offer, OfferState memory state) {
        uint256 count = record.count;
        offer.certificates = new bytes32[](count);
        for (uint256 i; i < count; ++i) {
            offer.certificates[i] = record.certificates[i];
        }
        offer.kind = record.kind;
        offer.token = record.token;
        offer.duration = record.duration;
        offer.transferable = record.transferable;
        offer.referralBps = record.referralBps;
        offer.terms = record.terms;
        offer.salt = record.salt;
        state.seller = record.seller;
        state.price = record.price;
        state.maxSupply = record.maxSupply;
        state.sold = record.sold;
        state.open = record.open;
        state.closed = record.closed;
    }

    /// @dev Whether the offer is over this certificate: by halves, so at most 7 reads.
    function covers(Record storage record, bytes32 certificate) internal view returns (bool) {
        uint256 low;
        uint256 high = record.count;
        while (low < high) {
            uint256 middle = (low + high) / 2;
            bytes32 found = record.certificates[middle];
            if (found == certificate) return true;
            if (found < certificate) low = middle + 1;
            else high = middle;
        }
        return false;
    }
}
