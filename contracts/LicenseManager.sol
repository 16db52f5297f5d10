// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1155} from "solady/tokens/ERC1155.sol";
import {ERC20} from "solady/tokens/ERC20.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {FixedPointMathLib} from "solady/utils/FixedPointMathLib.sol";
import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";

import {ICopyrightRegistry, Visibility} from "../interfaces/ICopyrightRegistry.sol";
import {ILicenseManager, Offer, OfferKind, OfferState, Purchase, Refusal} from "../interfaces/ILicenseManager.sol";
import {Cid} from "./libraries/Cid.sol";
import {Money} from "./libraries/Money.sol";
import {Offers} from "./libraries/Offers.sol";
import {Payouts} from "./libraries/Payouts.sol";
import {PurchasePermit} from "./libraries/PurchasePermit.sol";

/// @title LicenseManager
/// @notice See the documentation in {ILicenseManager}.
contract LicenseManager is ILicenseManager, ERC1155, EIP712, ReentrancyGuardTransient {
    using Money for Money.Source;
    using Offers for Offer;
    using Offers for Offers.Record;

    /*//////////////////////////////////////////////////////////////////////////
                                       STORAGE
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseManager
    address public immutable override registry;

    /// @inheritdoc ILicenseManager
    address public immutable override factory;

    uint256 private constant MAX_REFERRAL_BPS = 5000;
    uint256 private constant BPS = 10_000;

    /// @dev Slot 0.
    mapping(uint256 offerId => Offers.Record offer) private _offers;

    /// @dev Slot 1: seconds since 1970 at which the account's pass ends; zero if and only if the account never had one,
    /// and so holds no unit of it.
    mapping(uint256 offerId => mapping(address account => uint64 time)) private _expiries;

    /// @dev Slot 2.
    mapping(bytes32 certificate => mapping(address account => bool granted)) private _grants;

    /*//////////////////////////////////////////////////////////////////////////
                                     CONSTRUCTOR
    //////////////////////////////////////////////////////////////////////////*/

    /// @param registry_ Registry of the certificates that are licensed.
    /// @param factory_ Factory of royalty splits.
    constructor(address registry_, address factory_) {
        registry = registry_;
        factory = factory_;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseManager
    function createOffer(Offer calldata offer, uint128 price, uint64 maxSupply)
        external
        override
        returns (uint256 offerId)
    {
        _checkTerms(offer, price);
        _checkCertificates(offer.certificates);
        offerId = offer.idOf(msg.sender);
        Offers.Record storage record = _offers[offerId];
        if (record.seller != address(0)) revert LicenseManager_OfferExists(offerId);
        record.write(offer, msg.sender, price, maxSupply);
        emit OfferCreated(offerId, msg.sender, offer, price, maxSupply);
    }

    /// @inheritdoc ILicenseManager
    function updateOffer(uint256 offerId, uint128 price, uint64 maxSupply, bool open) external override {
        Offers.Record storage record = _changeable(offerId);
        if (price == 0 && record.kind == OfferKind.PerPlay) revert LicenseManager_ZeroPerPlayPrice();
        record.price = price;
        record.maxSupply = maxSupply;
        record.open = open;
        emit OfferUpdated(offerId, price, maxSupply, open);
    }

    /// @inheritdoc ILicenseManager
    function closeOffer(uint256 offerId) external override {
        Offers.Record storage record = _changeable(offerId);
        record.open = false;
        record.closed = true;
        emit OfferClosed(offerId);
    }

    /// @inheritdoc ILicenseManager
    function grant(bytes32 certificate, address account) external override {
        _checkCertificateOwner(certificate);
        if (account == address(0)) revert LicenseManager_ZeroRecipient();
        _grants[certificate][account] = true;
        emit Granted(certificate, account, msg.sender);
    }

    /// @inheritdoc ILicenseManager
    function revokeGrant(bytes32 certificate, address account) external override {
        _checkCertificateOwner(certificate);
        _grants[certificate][account] = false;
        emit GrantRevoked(certificate, account, msg.sender);
    }

    /// @inheritdoc ILicenseManager
    function purchase(uint256 offerId, address recipient, address referrer, uint256 maxPrice)
        external
        payable
        override
        nonReentrant
    {
        uint256 spent = _purchase(Purchase(offerId, recipient, referrer, maxPrice), 0);
        if (spent != msg.value) revert LicenseManager_WrongPayment(spent, msg.value);
    }

    /// @inheritdoc ILicenseManager
    function purchaseBatch(Purchase[] calldata purchases) external payable override nonReentrant {
        if (purchases.length == 0) revert LicenseManager_NothingToPurchase();
        uint256 spent;
        for (uint256 i; i < purchases.length; ++i) {
            spent = _purchase(purchases[i], spent);
        }
        if (spent != msg.value) revert LicenseManager_WrongPayment(spent, msg.value);
    }

    /// @inheritdoc ILicenseManager
    function purchaseWithPermit(Purchase calldata order, uint256 deadline, uint8 v, bytes32 r, bytes32 s)
        external
        override
        nonReentrant
    {
        Sale memory sale = _license(order);
        if (sale.token == address(0)) revert LicenseManager_PricedInEth(order.offerId);
        // Whether it fails does not matter: the payment will, if the allowance does not cover it.
        try ERC20(sale.token).permit(msg.sender, address(this), order.maxPrice, deadline, v, r, s) {} catch {}
        _settle(order, sale, msg.sender, Money.Source(sale.token, msg.sender));
    }

    /// @inheritdoc ILicenseManager
    function purchaseWithPermit2(
        Purchase calldata order,
        address payer,
        uint256 nonce,
        uint256 deadline,
        bytes calldata signature
    ) external override nonReentrant {
        Sale memory sale = _license(order);
        if (sale.token == address(0)) revert LicenseManager_PricedInEth(order.offerId);
        PurchasePermit.take(order, payer, sale.token, sale.price, nonce, deadline, signature);
        _settle(order, sale, payer, Money.Source(sale.token, address(this)));
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseManager
    function hasAccess(bytes32 certificate, address account, uint256 offerId) external view override returns (bool) {
        (address owner, Visibility visibility) = ICopyrightRegistry(registry).access(certificate);
        if (offerId == 0) {
            if (owner == address(0)) return false;
            if (account == owner || visibility == Visibility.Open) return true;
            return visibility != Visibility.Withdrawn && _grants[certificate][account];
        }
        if (visibility == Visibility.Withdrawn || !_offers[offerId].covers(certificate)) return false;
        OfferKind kind = _offers[offerId].kind;
        if (kind == OfferKind.Perpetual) return balanceOf(account, offerId) != 0;
        return kind == OfferKind.Pass && _expiries[offerId][account] > block.timestamp;
    }

    /// @inheritdoc ILicenseManager
    function quote(uint256 offerId, address account)
        external
        view
        override
        returns (uint256 price, address token, Refusal refusal)
    {
        Offers.Record storage record = _offers[offerId];
        return (record.price, record.token, _refusal(record, offerId, account));
    }

    /// @inheritdoc ILicenseManager
    function offerOf(uint256 offerId) external view override returns (Offer memory offer, OfferState memory state) {
        return _known(offerId).read();
    }

    /// @inheritdoc ILicenseManager
    function isGranted(bytes32 certificate, address account) external view override returns (bool) {
        return _grants[certificate][account];
    }

    /// @inheritdoc ILicenseManager
    function expiryOf(uint256 offerId, address account) external view override returns (uint64) {
        return _expiries[offerId][account];
    }

    /// @inheritdoc ILicenseManager
    function uri(uint256 offerId) public view override(ERC1155, ILicenseManager) returns (string memory) {
        return string.concat("ipfs://", Cid.toText(Cid.RAW, _known(offerId).terms));
    }

    /// @inheritdoc ILicenseManager
    function contractURI() external pure override returns (string memory) {
        return 'data:application/json;utf8,{"name":"Immurtal licences",'
            '"description":"Licences to hear recordings with an Immurtal certificate"}';
    }

    /*//////////////////////////////////////////////////////////////////////////
                                        OFFERS
    //////////////////////////////////////////////////////////////////////////*/

    function _checkTerms(Offer calldata offer, uint128 price) private view {
        bool isPass = offer.kind == OfferKind.Pass;
        if (isPass != (offer.duration != 0)) revert LicenseManager_DurationMismatch(offer.kind, offer.duration);
        if (isPass && offer.transferable) revert LicenseManager_TransferablePass();
        if (price == 0 && offer.kind == OfferKind.PerPlay) revert LicenseManager_ZeroPerPlayPrice();
        if (offer.referralBps > MAX_REFERRAL_BPS) revert LicenseManager_ReferralTooHigh(offer.referralBps);
        if (offer.token != address(0) && offer.token.code.length == 0) {
            revert LicenseManager_TokenHasNoCode(offer.token);
        }
    }

    /// @dev 1 to 64, ascending, and each the caller's.
    function _checkCertificates(bytes32[] calldata certificates) private view {
        uint256 count = certificates.length;
        if (count == 0) revert LicenseManager_NoCertificates();
        if (count > Offers.MAX_CERTIFICATES) revert LicenseManager_TooManyCertificates(count);
        for (uint256 i; i < count; ++i) {
            if (i != 0 && certificates[i] <= certificates[i - 1]) revert LicenseManager_CertificatesNotSorted(i);
            _checkCertificateOwner(certificates[i]);
        }
    }

    function _checkCertificateOwner(bytes32 certificate) private view {
        (address owner,) = ICopyrightRegistry(registry).access(certificate);
        if (owner == address(0)) revert LicenseManager_UnknownCertificate(certificate);
        if (owner != msg.sender) revert LicenseManager_NotCertificateOwner(certificate, msg.sender);
    }

    function _known(uint256 offerId) private view returns (Offers.Record storage record) {
        record = _offers[offerId];
        if (record.seller == address(0)) revert LicenseManager_UnknownOffer(offerId);
    }

    /// @dev An offer of the caller's that is not closed.
    function _changeable(uint256 offerId) private view returns (Offers.Record storage record) {
        record = _known(offerId);
        if (record.seller != msg.sender) revert LicenseManager_NotSeller(offerId, msg.sender);
        if (record.closed) revert LicenseManager_OfferClosed(offerId);
    }

    /// @dev Why the account cannot buy, in the order of {Refusal}; never reverts.
    function _refusal(Offers.Record storage record, uint256 offerId, address account) private view returns (Refusal) {
        address seller = record.seller;
        if (seller == address(0)) return Refusal.UnknownOffer;
        if (record.closed) return Refusal.Closed;
        if (!record.open) return Refusal.Paused;
        uint256 count = record.count;
        bool licensed = true;
        for (uint256 i; i < count; ++i) {
            (address owner, Visibility visibility) = ICopyrightRegistry(registry).access(record.certificates[i]);
            if (owner != seller) return Refusal.SellerNotOwner;
            if (visibility != Visibility.Licensed) licensed = false;
        }
        if (!licensed) return Refusal.NotLicensed;
        uint64 maxSupply = record.maxSupply;
        if (maxSupply != 0 && record.sold >= maxSupply) {
            // Who has a pass renews it, which sells no unit.
            if (_expiries[offerId][account] == 0) return Refusal.SoldOut;
        }
        return record.kind == OfferKind.PerPlay ? Refusal.PerPlay : Refusal.None;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                       PURCHASES
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev A licence that was handed over and is still to be paid.
    /// @param expiry When it ends, seconds since 1970; 0 for a perpetual one.
    /// @param price Base units of `token`; `referral` of it are the referrer's, if they can be paid.
    /// @param payouts Where each certificate's money goes: read before anyone was called, so that no call changes it.
    struct Sale {
        address token;
        uint64 expiry;
        uint256 price;
        uint256 referral;
        address[] payouts;
    }

    /// @dev A purchase by the caller, with ETH that came along, of which `spent` is spent, or by allowance.
    /// @return What is spent now.
    function _purchase(Purchase memory order, uint256 spent) private returns (uint256) {
        Sale memory sale = _license(order);
        address from = msg.sender;
        if (sale.token == address(0)) {
            spent += sale.price;
            if (spent > msg.value) revert LicenseManager_WrongPayment(spent, msg.value);
            from = address(this);
        }
        _settle(order, sale, msg.sender, Money.Source(sale.token, from));
        return spent;
    }

    /// @dev Hands the licence over, if nothing stands against it.
    function _license(Purchase memory order) private returns (Sale memory sale) {
        (uint256 offerId, address recipient) = (order.offerId, order.recipient);
        if (recipient == address(0)) revert LicenseManager_ZeroRecipient();
        Offers.Record storage record = _offers[offerId];
        Refusal refusal = _refusal(record, offerId, recipient);
        if (refusal != Refusal.None) revert LicenseManager_CannotPurchase(offerId, refusal);
        uint256 price = record.price;
        if (price > order.maxPrice) revert LicenseManager_PriceTooHigh(offerId, price, order.maxPrice);

        sale.token = record.token;
        sale.price = price;
        sale.referral = price * record.referralBps / BPS;
        sale.payouts = _payouts(record);
        if (record.kind == OfferKind.Pass) {
            uint64 ends = _expiries[offerId][recipient];
            sale.expiry = _extended(ends, record.duration);
            _expiries[offerId][recipient] = sale.expiry;
            if (ends != 0) return sale; // a renewal
        }
        ++record.sold;
        _mint(recipient, offerId, 1, "");
    }

    /// @dev `duration` from `ends` on, or from now if that has passed.
    function _extended(uint64 ends, uint64 duration) private view returns (uint64) {
        uint256 extended = FixedPointMathLib.max(ends, block.timestamp) + duration;
        return uint64(FixedPointMathLib.min(extended, type(uint64).max));
    }

    /// @dev Pays the referrer, who can fail but not harm, then the payouts.
    function _settle(Purchase memory order, Sale memory sale, address payer, Money.Source memory source) private {
        (uint256 offerId, address referrer) = (order.offerId, order.referrer);
        uint256 referral = sale.referral;
        if (referral != 0 && (referrer == address(0) || !source.push(referrer, referral))) referral = 0;
        emit Purchased(offerId, order.recipient, payer, referrer, sale.price, referral, sale.expiry);
        Payouts.pay(factory, offerId, sale.payouts, source, sale.price - referral);
    }

    /// @dev Where each certificate's money goes now.
    function _payouts(Offers.Record storage record) private view returns (address[] memory payouts) {
        payouts = new address[](record.count);
        for (uint256 i; i < payouts.length; ++i) {
            payouts[i] = ICopyrightRegistry(registry).payoutOf(record.certificates[i]);
        }
    }

    /*//////////////////////////////////////////////////////////////////////////
                                    HOOKS OF SOLADY
    //////////////////////////////////////////////////////////////////////////*/

    function _useBeforeTokenTransfer() internal pure override returns (bool) {
        return true;
    }

    /// @dev Licences move only if their offer says so; minting always may. Nothing burns.
    function _beforeTokenTransfer(address from, address, uint256[] memory ids, uint256[] memory, bytes memory)
        internal
        view
        override
    {
        if (from == address(0)) return;
        for (uint256 i; i < ids.length; ++i) {
            if (!_offers[ids[i]].transferable) revert LicenseManager_NotTransferable(ids[i]);
        }
    }

    /// @dev Solady would use storage on other chains than mainnet.
    function _useTransientReentrancyGuardOnlyOnMainnet() internal pure override returns (bool) {
        return false;
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Immurtal", "1");
    }
}
