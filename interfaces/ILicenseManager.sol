// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

enum OfferKind {
    Perpetual,
    Pass,
    PerPlay
}

/// @notice Why an offer cannot be bought; `None` when it can.
enum Refusal {
    None,
    UnknownOffer,
    Closed,
    Paused,
    SellerNotOwner,
    NotLicensed,
    SoldOut,
    PerPlay,
    Unsupported
}

/// @notice The part of an offer that never changes; its id is the hash of seller and these (FORMATS, On chain).
struct Offer {
    bytes32[] certificates;
    OfferKind kind;
    address token;
    uint64 duration;
    bool transferable;
    uint16 referralBps;
    bytes32 terms;
    bytes32 salt;
}

/// @notice The part of an offer that changes, and its seller.
struct OfferState {
    address seller;
    uint128 price;
    uint64 maxSupply; // 0: no cap
    uint64 sold;
    bool open;
    bool closed;
}

interface ILicenseManager {
    event OfferCreated(uint256 indexed offerId, address indexed seller, Offer offer, uint128 price, uint64 maxSupply);
    event OfferUpdated(uint256 indexed offerId, uint128 price, uint64 maxSupply, bool open);
    event OfferClosed(uint256 indexed offerId);
    event Granted(bytes32 indexed certificate, address indexed account, address indexed by);
    event GrantRevoked(bytes32 indexed certificate, address indexed account, address indexed by);
    event Purchased(
        uint256 indexed offerId,
        address indexed recipient,
        address indexed payer,
        address referrer,
        uint256 price,
        uint256 referral, // what the referrer was really paid
        uint64 expiry // 0 for perpetual
    );
    event Paid(uint256 indexed offerId, address indexed payout, address token, uint256 amount);

    // createOffer/updateOffer: LicenseManager_NoCertificates, _TooManyCertificates(count), _CertificatesNotSorted(index),
    // _UnknownCertificate(certificate), _NotCertificateOwner(certificate, caller), _TokenHasNoCode(token), _ReferralTooHigh(bps),
    // _DurationMismatch(kind, duration) (Pass needs one > 0, others need 0), _TransferablePass, _ZeroPerPlayPrice,
    // _OfferExists(offerId), _UnknownOffer(offerId), _NotSeller(offerId, caller), _OfferClosed(offerId)
    // grant: _NotCertificateOwner ; purchase: _CannotPurchase(offerId, Refusal), _PriceTooHigh(offerId, price, maxPrice),
    // _WrongPayment(expected, received), _ZeroRecipient
    function createOffer(Offer calldata offer, uint128 price, uint64 maxSupply) external returns (uint256 offerId);
    function updateOffer(uint256 offerId, uint128 price, uint64 maxSupply, bool open) external;
    function closeOffer(uint256 offerId) external;
    function grant(bytes32 certificate, address account) external;
    function revokeGrant(bytes32 certificate, address account) external;
    function purchase(uint256 offerId, address recipient, address referrer, uint256 maxPrice) external payable;

    function hasAccess(bytes32 certificate, address account, uint256 offerId) external view returns (bool);
    function quote(uint256 offerId, address account) external view returns (uint256 price, address token, Refusal refusal);
    function offerOf(uint256 offerId) external view returns (Offer memory offer, OfferState memory state);
    function isGranted(bytes32 certificate, address account) external view returns (bool);
    function expiryOf(uint256 offerId, address account) external view returns (uint64);
    function uri(uint256 offerId) external view returns (string memory);
    function contractURI() external view returns (string memory);
}
