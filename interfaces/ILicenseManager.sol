// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What an offer sells.
/// @param Perpetual A licence without an end.
/// @param Pass A licence that ends; one unit an account, renewable, never transferable.
/// @param PerPlay Nothing to purchase: its price is for one play of one of its certificates.
enum OfferKind {
    Perpetual,
    Pass,
    PerPlay
}

/// @notice Why an offer cannot be bought; of several reasons the first of this list.
/// @param None It can be bought.
/// @param UnknownOffer There is no such offer.
/// @param Closed Its seller closed it for good.
/// @param Paused Its seller set it not open.
/// @param SellerNotOwner It sleeps: its seller does not own every certificate in it.
/// @param NotLicensed It sleeps: a certificate in it is Private, Open or Withdrawn.
/// @param SoldOut All units were sold.
/// @param PerPlay It is open and awake, but paid by the play.
enum Refusal {
    None,
    UnknownOffer,
    Closed,
    Paused,
    SellerNotOwner,
    NotLicensed,
    SoldOut,
    PerPlay
}

/// @notice The part of an offer that never changes; its id is the hash of the seller and these.
/// @param certificates What is licensed: 1 to 64, strictly ascending.
/// @param kind What is sold.
/// @param token What it is paid in: an ERC-20 token, or zero for ETH.
/// @param duration Seconds that a pass lasts; 0 for the other kinds.
/// @param transferable Whether holders may transfer their licences; never for a pass.
/// @param referralBps Share of the price for whoever the buyer names as referrer, in basis points; at most 5,000.
/// Buyers may name themselves: to them it is a discount.
/// @param terms SHA-256 of the file of terms, which is the licence's ERC-1155 metadata too.
/// @param salt Tells offers apart that are otherwise alike.
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
/// @param seller Account that created it.
/// @param price Base units of the token for one licence, or for one play.
/// @param maxSupply Most units that are ever sold; 0 for no cap.
/// @param sold Units ever sold.
/// @param open Whether its seller has it on sale; false once closed.
/// @param closed Whether its seller closed it, for good.
struct OfferState {
    address seller;
    uint128 price;
    uint64 maxSupply;
    uint64 sold;
    bool open;
    bool closed;
}

/// @notice One purchase of several, or one that was signed. Signed, it is the Permit2 witness
/// `Purchase(uint256 offerId,address recipient,address referrer,uint256 maxPrice)`.
/// @param offerId The offer.
/// @param recipient Who will hold the licence; not zero.
/// @param referrer Who referred the buyer; zero if nobody did.
/// @param maxPrice The most that the payer pays, base units of the offer's token.
struct Purchase {
    uint256 offerId;
    address recipient;
    address referrer;
    uint256 maxPrice;
}

/// @title Licences
/// @notice Offers by the owners of certificates, licences as ERC-1155 units (the id is the offer's), grants, and the
/// one answer to who may hear what: {hasAccess}.
///
/// Money goes from the payer to the certificates' payouts in the transaction of the purchase. The contract keeps
/// nothing of it (what somebody sends it unasked is nobody's), takes no fee, and has no owner, no pause and no upgrade.
///
/// An offer sleeps while its seller does not own every certificate in it or one of them is not Licensed, and wakes
/// again: a sleeping offer cannot be bought. Licences and grants survive a transfer of the certificate. Licences give
/// no access while the certificate is Withdrawn, and wake with it.
///
/// Also answers ERC-1155 with its metadata, ERC-5267 (`eip712Domain`, name `Immurtal`, version `1`) and ERC-7572
/// ({contractURI}). `balanceOf` counts units, those of ended passes too.
interface ILicenseManager {
    /*//////////////////////////////////////////////////////////////////////////
                                       EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Emitted when an offer is created; it is open from then on.
    /// @param offerId See {createOffer}.
    /// @param seller Account that created it.
    /// @param offer The part that never changes.
    /// @param price Base units of the token.
    /// @param maxSupply Most units that are ever sold; 0 for no cap.
    event OfferCreated(uint256 indexed offerId, address indexed seller, Offer offer, uint128 price, uint64 maxSupply);

    /// @notice Emitted when the changeable part of an offer is set.
    /// @param offerId The offer.
    /// @param price Base units of the token.
    /// @param maxSupply Most units that are ever sold; 0 for no cap.
    /// @param open Whether it is on sale.
    event OfferUpdated(uint256 indexed offerId, uint128 price, uint64 maxSupply, bool open);

    /// @notice Emitted when an offer is closed for good; it is not open any more.
    /// @param offerId The offer.
    event OfferClosed(uint256 indexed offerId);

    /// @notice Emitted when an owner gives access without a sale, also to who had it.
    /// @param certificate The certificate.
    /// @param account Who may hear it now.
    /// @param by Owner of the certificate.
    event Granted(bytes32 indexed certificate, address indexed account, address indexed by);

    /// @notice Emitted when an owner takes a grant back, also from who had none.
    /// @param certificate The certificate.
    /// @param account Who has no grant now.
    /// @param by Owner of the certificate.
    event GrantRevoked(bytes32 indexed certificate, address indexed account, address indexed by);

    /// @notice Emitted when a licence is sold or renewed, after ERC-1155's `TransferSingle` from zero if a unit is
    /// minted, and before its {Paid}.
    /// @param offerId The offer.
    /// @param recipient Who holds the licence.
    /// @param payer Who paid for it.
    /// @param referrer Who was named as having referred the buyer; zero if nobody was.
    /// @param price What was paid, base units of the offer's token.
    /// @param referral What of it the referrer was really paid.
    /// @param expiry Seconds since 1970 at which the licence ends; 0 for a perpetual one.
    event Purchased(
        uint256 indexed offerId,
        address indexed recipient,
        address indexed payer,
        address referrer,
        uint256 price,
        uint256 referral,
        uint64 expiry
    );

    /// @notice Emitted for each payment of a purchase to a payout. A purchase's {Paid} and referral are its price.
    /// @param offerId The offer.
    /// @param payout Who was paid: a royalty split, or any other account.
    /// @param token What in; zero is ETH.
    /// @param amount How much, base units.
    event Paid(uint256 indexed offerId, address indexed payout, address token, uint256 amount);

    /*//////////////////////////////////////////////////////////////////////////
                                       ERRORS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Thrown when an offer has no certificate.
    error LicenseManager_NoCertificates();

    /// @notice Thrown when an offer has more than 64 certificates.
    error LicenseManager_TooManyCertificates(uint256 count);

    /// @notice Thrown when a certificate is not greater than the one before it.
    /// @param index Its position, from 0.
    error LicenseManager_CertificatesNotSorted(uint256 index);

    /// @notice Thrown when there is no such certificate.
    error LicenseManager_UnknownCertificate(bytes32 certificate);

    /// @notice Thrown when the caller does not own the certificate.
    error LicenseManager_NotCertificateOwner(bytes32 certificate, address caller);

    /// @notice Thrown when there is no contract at the token's address.
    error LicenseManager_TokenHasNoCode(address token);

    /// @notice Thrown when the referral share is more than 5,000 basis points.
    error LicenseManager_ReferralTooHigh(uint16 referralBps);

    /// @notice Thrown when a pass has no duration, or another kind has one.
    error LicenseManager_DurationMismatch(OfferKind kind, uint64 duration);

    /// @notice Thrown when a pass would be transferable.
    error LicenseManager_TransferablePass();

    /// @notice Thrown when a play would cost nothing.
    error LicenseManager_ZeroPerPlayPrice();

    /// @notice Thrown when the caller has created the very same offer before.
    error LicenseManager_OfferExists(uint256 offerId);

    /// @notice Thrown when there is no such offer.
    error LicenseManager_UnknownOffer(uint256 offerId);

    /// @notice Thrown when the caller did not create the offer.
    error LicenseManager_NotSeller(uint256 offerId, address caller);

    /// @notice Thrown when the offer was closed for good.
    error LicenseManager_OfferClosed(uint256 offerId);

    /// @notice Thrown when the offer cannot be bought.
    /// @param refusal Why.
    error LicenseManager_CannotPurchase(uint256 offerId, Refusal refusal);

    /// @notice Thrown when the price is more than the buyer's most.
    error LicenseManager_PriceTooHigh(uint256 offerId, uint256 price, uint256 maxPrice);

    /// @notice Thrown when a batch is empty.
    error LicenseManager_NothingToPurchase();

    /// @notice Thrown when an offer in ETH is bought by a permit: those are for tokens.
    error LicenseManager_PricedInEth(uint256 offerId);

    /// @notice Thrown when the ETH that came along is not exactly the price, or the sum of the prices in ETH.
    /// @param expected The price or sum; of a batch that the ETH does not cover, the sum as far as the first purchase
    /// that it does not cover.
    /// @param received The ETH that came along, wei.
    error LicenseManager_WrongPayment(uint256 expected, uint256 received);

    /// @notice Thrown when the account to license or to grant is zero.
    error LicenseManager_ZeroRecipient();

    /// @notice Thrown when a payout does not take its ETH, or is this contract, which never keeps anything. (A token
    /// that does not move reverts with Solady's `TransferFromFailed()` or `TransferFailed()`.)
    error LicenseManager_PaymentFailed(address payout, uint256 amount);

    /// @notice Thrown when too little gas is left to pay a referrer with the gas that is due to them.
    error LicenseManager_TooLittleGas();

    /// @notice Thrown when a licence that is not transferable would be transferred.
    error LicenseManager_NotTransferable(uint256 offerId);

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Creates an offer, open from now on; the caller is its seller.
    /// @dev Emits {OfferCreated}.
    ///
    /// Requirements:
    /// - The caller owns every certificate; no operator. Its visibility does not matter yet.
    /// - The offer is as {Offer} says, and the token has code.
    /// - The price of a PerPlay offer is not zero.
    /// - The caller has not created the same offer before.
    ///
    /// @param offer The part that never changes.
    /// @param price Base units of the token for one licence, or for one play.
    /// @param maxSupply Most units that are ever sold; 0 for no cap.
    /// @return offerId `keccak256(abi.encode(seller, certificates, kind, token, duration, transferable, referralBps,
    /// terms, salt))`.
    function createOffer(Offer calldata offer, uint128 price, uint64 maxSupply) external returns (uint256 offerId);

    /// @notice Sets the part of an offer that changes.
    /// @dev Emits {OfferUpdated}.
    ///
    /// Requirements:
    /// - The caller created the offer, and it is not closed.
    /// - The price of a PerPlay offer is not zero.
    ///
    /// @param offerId The offer.
    /// @param price Base units of the token.
    /// @param maxSupply Most units that are ever sold, those already sold included; 0 for no cap.
    /// @param open Whether it is on sale.
    function updateOffer(uint256 offerId, uint128 price, uint64 maxSupply, bool open) external;

    /// @notice Closes an offer for good. Licences that were sold stay.
    /// @dev Emits {OfferClosed}.
    ///
    /// Requirements:
    /// - The caller created the offer, and it is not closed.
    ///
    /// @param offerId The offer.
    function closeOffer(uint256 offerId) external;

    /// @notice Gives an account access to a certificate without a sale, while it is Private or Licensed.
    /// @dev Emits {Granted}.
    ///
    /// Requirements:
    /// - The caller owns the certificate.
    /// - The account is not zero.
    ///
    /// @param certificate The certificate.
    /// @param account Who may hear it.
    function grant(bytes32 certificate, address account) external;

    /// @notice Takes a grant back, also one by an owner before.
    /// @dev Emits {GrantRevoked}.
    ///
    /// Requirements:
    /// - The caller owns the certificate.
    ///
    /// @param certificate The certificate.
    /// @param account Who has no grant any more.
    function revokeGrant(bytes32 certificate, address account) external;

    /// @notice Buys a licence and pays everyone at once: with the ETH that comes along, or with a token by the caller's
    /// allowance to this contract.
    ///
    /// The referral share, rounded down, is pushed to the referrer with 100,000 gas; if that fails, or the referrer is this contract, it goes to
    /// the payouts. The rest is divided equally over the offer's certificates, the remainder to the first; neighbours with
    /// the same payout are paid at once. A payout that is a royalty split of {factory} is distributed with its last
    /// payment, in the same call: once a purchase. Nobody is paid a zero amount.
    ///
    /// A perpetual licence is a unit more. A pass is one unit an account: who has none is minted one that ends `duration`
    /// from now; who has one is minted none, and it ends `duration` later than it would have, or from now if it had ended
    /// already (at most at 2^64 - 1). Renewals sell no unit.
    ///
    /// @dev Emits ERC-1155's `TransferSingle` if a unit is minted, {Purchased} and {Paid} for each payment. A recipient
    /// with code must accept ERC-1155 to be minted a unit. The payouts are those before the first call to anyone.
    /// Tokens go from the payer to the payouts directly.
    ///
    /// Requirements:
    /// - {quote} gives no reason against it.
    /// - The price is at most `maxPrice`.
    /// - The ETH that comes along is exactly the price, or nothing for an offer in a token.
    /// - The recipient is not zero, and accepts the licence.
    /// - Each payout takes its money.
    ///
    /// @param offerId The offer.
    /// @param recipient Who will hold the licence.
    /// @param referrer Who referred the buyer; zero if nobody did.
    /// @param maxPrice The most that the caller pays, base units of the offer's token.
    function purchase(uint256 offerId, address recipient, address referrer, uint256 maxPrice) external payable;

    /// @notice Buys several licences, in order, all or none. Offers in ETH and in different tokens may be mixed.
    /// @dev Each as by {purchase}, its payouts read and paid before the next begins. The ETH that comes along is
    /// exactly the sum of the prices in ETH.
    /// @param purchases What to buy; at least one. The same offer may be there more than once.
    function purchaseBatch(Purchase[] calldata purchases) external payable;

    /// @notice Buys a licence with a token, after an EIP-2612 permit of `maxPrice` to this contract in the caller's
    /// name. That the permit fails is ignored, for it may have been sent by somebody else already: what counts is the
    /// allowance.
    /// @dev As {purchase}.
    ///
    /// Requirements:
    /// - The offer is in a token.
    /// - Those of {purchase}.
    ///
    /// @param order What to buy.
    /// @param deadline The permit's deadline.
    /// @param v Of the permit's signature.
    /// @param r Of the permit's signature.
    /// @param s Of the permit's signature.
    function purchaseWithPermit(Purchase calldata order, uint256 deadline, uint8 v, bytes32 r, bytes32 s) external;

    /// @notice Buys a licence with a token of a payer who signed for exactly this purchase: anyone may send it.
    /// @dev As {purchase}, but the price goes from the payer to this contract by Permit2's `permitWitnessTransferFrom`
    /// (at 0x000000000022D473030F116dDEE9F6B43aC78BA3) and on to the payouts in the same call. The permitted token is
    /// the offer's, the permitted amount `order.maxPrice`, the spender this contract, the witness `order`. Permit2's
    /// own errors pass through: a used nonce, a deadline that passed, a signature that is not the payer's. A token that
    /// takes fees on transfers arrives short here, so that the payments fail (unless the same token lies here unasked).
    ///
    /// Requirements:
    /// - The offer is in a token.
    /// - Those of {purchase}.
    /// - Permit2 accepts the signature: ECDSA, or ERC-1271 of a payer with code.
    ///
    /// @param order What the payer signed.
    /// @param payer Who pays; not necessarily the caller.
    /// @param nonce Permit2's, unordered.
    /// @param deadline Seconds since 1970 of the last block time at which it may be sent.
    /// @param signature The payer's.
    function purchaseWithPermit2(
        Purchase calldata order,
        address payer,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external;

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice The certificates that are licensed.
    /// @return Address of the CopyrightRegistry.
    function registry() external view returns (address);

    /// @notice Whose royalty splits a purchase distributes.
    /// @return Address of the RoyaltySplitFactory.
    function factory() external view returns (address);

    /// @notice Whether an account may hear a certificate now, by what it relies on. Never reverts; its work does not
    /// grow with anything.
    ///
    /// Relying on no offer (0): the account is the owner, or the certificate is Open, or it is Private or Licensed and
    /// the account has a grant. Relying on an offer: it is over this certificate, which is not Withdrawn, and the
    /// account holds a unit of it (Perpetual) or its time there has not ended (Pass). False for a PerPlay offer and for
    /// anything unknown.
    ///
    /// @param certificate The certificate.
    /// @param account Who wants to hear it.
    /// @param offerId The offer relied on, or 0.
    /// @return Whether the account may hear it.
    function hasAccess(bytes32 certificate, address account, uint256 offerId) external view returns (bool);

    /// @notice What an offer costs an account now, and why it cannot buy. Never reverts.
    /// @param offerId The offer.
    /// @param account Who would hold the licence, not zero: who holds a pass already renews it, and no supply stands
    /// against it.
    /// @return price Base units of the token; 0 if there is no such offer.
    /// @return token What it is paid in; zero is ETH.
    /// @return refusal Why it cannot be bought, or `None`.
    function quote(uint256 offerId, address account)
        external
        view
        returns (uint256 price, address token, Refusal refusal);

    /// @notice All about an offer. Reverts with {LicenseManager_UnknownOffer} if there is none.
    /// @param offerId The offer.
    /// @return offer The part that never changes.
    /// @return state The part that does, and the seller.
    function offerOf(uint256 offerId) external view returns (Offer memory offer, OfferState memory state);

    /// @notice Whether an account has a grant, whatever the certificate's visibility. Never reverts.
    /// @param certificate The certificate.
    /// @param account The account.
    /// @return Whether it has.
    function isGranted(bytes32 certificate, address account) external view returns (bool);

    /// @notice When an account's pass ends or ended. Never reverts.
    /// @param offerId The offer.
    /// @param account The account.
    /// @return Seconds since 1970; 0 if it never had a pass of this offer.
    function expiryOf(uint256 offerId, address account) external view returns (uint64);

    /// @notice ERC-1155 metadata, the terms: `ipfs://<CIDv1 of the terms' raw leaf, base32>`. Reverts with
    /// {LicenseManager_UnknownOffer} if there is no such offer.
    /// @param offerId The offer.
    /// @return The URI.
    function uri(uint256 offerId) external view returns (string memory);

    /// @notice ERC-7572: the collection's metadata.
    /// @return A data URI.
    function contractURI() external view returns (string memory);
}
