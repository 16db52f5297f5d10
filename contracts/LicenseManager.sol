// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC1155} from "solady/tokens/ERC1155.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {ReentrancyGuardTransient} from "solady/utils/ReentrancyGuardTransient.sol";

import {ICopyrightRegistry, Visibility} from "../interfaces/ICopyrightRegistry.sol";
import {ILicenseManager, Offer, OfferKind, OfferState, Refusal} from "../interfaces/ILicenseManager.sol";
import {IRoyaltySplit} from "../interfaces/IRoyaltySplit.sol";
import {IRoyaltySplitFactory} from "../interfaces/IRoyaltySplitFactory.sol";
import {Cid} from "./libraries/Cid.sol";

/// @title LicenseManager
/// @notice See the documentation in {ILicenseManager}.
contract LicenseManager is ILicenseManager, ERC1155, EIP712, ReentrancyGuardTransient {
    /*//////////////////////////////////////////////////////////////////////////
                                       STORAGE
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ILicenseManager
    address public immutable override registry;

    /// @inheritdoc ILicenseManager
    address public immutable override factory;

    uint256 private constant MAX_CERTIFICATES = 64;
    uint256 private constant MAX_REFERRAL_BPS = 5000;
    uint256 private constant BPS = 10_000;

    /// @dev Gas that a referrer is paid with.
    uint256 private constant PUSH_GAS = 100_000;

    /// @dev What must be left before a push, so that the referrer really has {PUSH_GAS}: 64/63 of it (EIP-150), and the
    /// dearest call there is (2,600 for a cold account, 2,600 for a cold delegate of EIP-7702, 9,000 for value, 25,000
    /// for a new account), rounded up.
    uint256 private constant GAS_BEFORE_PUSH = 142_000;

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

    /// @dev Slot 0.
    mapping(uint256 offerId => Record offer) private _offers;

    /// @dev Slot 1: seconds since 1970 at which the account's pass ends. The unit itself is in ERC-1155's balances.
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
        offerId = _idOf(msg.sender, offer);
        Record storage record = _offers[offerId];
        if (record.seller != address(0)) revert LicenseManager_OfferExists(offerId);
        _write(record, offer);
        record.price = price;
        record.maxSupply = maxSupply;
        emit OfferCreated(offerId, msg.sender, offer, price, maxSupply);
    }

    /// @inheritdoc ILicenseManager
    function updateOffer(uint256 offerId, uint128 price, uint64 maxSupply, bool open) external override {
        Record storage record = _changeable(offerId);
        if (price == 0 && record.kind == OfferKind.PerPlay) revert LicenseManager_ZeroPerPlayPrice();
        record.price = price;
        record.maxSupply = maxSupply;
        record.open = open;
        emit OfferUpdated(offerId, price, maxSupply, open);
    }

    /// @inheritdoc ILicenseManager
    function closeOffer(uint256 offerId) external override {
        Record storage record = _changeable(offerId);
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
        Record storage record = _offers[offerId];
        if (recipient == address(0)) revert LicenseManager_ZeroRecipient();
        Refusal refusal = _refusal(record, offerId, recipient);
        if (refusal == Refusal.None && (record.kind != OfferKind.Perpetual || record.token != address(0))) {
            refusal = Refusal.Unsupported;
        }
        if (refusal != Refusal.None) revert LicenseManager_CannotPurchase(offerId, refusal);
        uint256 price = record.price;
        if (price > maxPrice) revert LicenseManager_PriceTooHigh(offerId, price, maxPrice);
        if (msg.value != price) revert LicenseManager_WrongPayment(price, msg.value);

        // Who is paid is read before anyone is called, so that no call changes it.
        address[] memory payouts = _payouts(record);
        ++record.sold;
        _mint(recipient, offerId, 1, "");
        uint256 referral = _payReferrer(referrer, price * record.referralBps / BPS);
        emit Purchased(offerId, recipient, msg.sender, referrer, price, referral, 0);
        _payPayouts(offerId, payouts, price - referral);
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
        if (visibility == Visibility.Withdrawn || !_covers(_offers[offerId], certificate)) return false;
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
        Record storage record = _offers[offerId];
        return (record.price, record.token, _refusal(record, offerId, account));
    }

    /// @inheritdoc ILicenseManager
    function offerOf(uint256 offerId) external view override returns (Offer memory offer, OfferState memory state) {
        Record storage record = _known(offerId);
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
        if (count > MAX_CERTIFICATES) revert LicenseManager_TooManyCertificates(count);
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

    function _idOf(address seller, Offer calldata offer) private pure returns (uint256) {
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

    function _write(Record storage record, Offer calldata offer) private {
        uint256 count = offer.certificates.length;
        record.seller = msg.sender;
        record.kind = offer.kind;
        record.transferable = offer.transferable;
        record.open = true;
        record.referralBps = offer.referralBps;
        record.count = uint8(count);
        record.token = offer.token;
        record.duration = offer.duration;
        record.terms = offer.terms;
        record.salt = offer.salt;
        for (uint256 i; i < count; ++i) {
            record.certificates[i] = offer.certificates[i];
        }
    }

    function _known(uint256 offerId) private view returns (Record storage record) {
        record = _offers[offerId];
        if (record.seller == address(0)) revert LicenseManager_UnknownOffer(offerId);
    }

    /// @dev An offer of the caller's that is not closed.
    function _changeable(uint256 offerId) private view returns (Record storage record) {
        record = _known(offerId);
        if (record.seller != msg.sender) revert LicenseManager_NotSeller(offerId, msg.sender);
        if (record.closed) revert LicenseManager_OfferClosed(offerId);
    }

    /// @dev Why the account cannot buy, in the order of {Refusal}; never reverts.
    function _refusal(Record storage record, uint256 offerId, address account) private view returns (Refusal) {
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
            // A pass is one unit an account: to renew it sells none.
            bool renews = record.kind == OfferKind.Pass && balanceOf(account, offerId) != 0;
            if (!renews) return Refusal.SoldOut;
        }
        return record.kind == OfferKind.PerPlay ? Refusal.PerPlay : Refusal.None;
    }

    /// @dev Whether the offer is over this certificate: by halves, so at most 7 reads.
    function _covers(Record storage record, bytes32 certificate) private view returns (bool) {
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

    /*//////////////////////////////////////////////////////////////////////////
                                        MONEY
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev Where each certificate's money goes now.
    function _payouts(Record storage record) private view returns (address[] memory payouts) {
        payouts = new address[](record.count);
        for (uint256 i; i < payouts.length; ++i) {
            payouts[i] = ICopyrightRegistry(registry).payoutOf(record.certificates[i]);
        }
    }

    /// @dev Pays a referrer, who can fail but not harm: bounded gas, no return data.
    /// @return paid `amount`, or 0 if it could not be paid and goes to the payouts.
    function _payReferrer(address referrer, uint256 amount) private returns (uint256 paid) {
        if (referrer == address(0) || amount == 0) return 0;
        if (gasleft() < GAS_BEFORE_PUSH) revert LicenseManager_TooLittleGas();
        return _send(referrer, amount, PUSH_GAS) ? amount : 0;
    }

    /// @dev Divides `amount` over the certificates, the remainder to the first; equal neighbours in one payment. Where a
    /// split is paid more than once, only its last payment distributes: else its payees, few as they are, could burn
    /// their gas as often as it is paid, and block the sale.
    function _payPayouts(uint256 offerId, address[] memory payouts, uint256 amount) private {
        uint256 count = payouts.length;
        uint256 share = amount / count;
        uint256 sum = amount % count;
        for (uint256 i; i < count; ++i) {
            sum += share;
            if (i + 1 == count || payouts[i + 1] != payouts[i]) {
                bool distributes = payouts[i].code.length != 0 && (share == 0 || !_recurs(payouts, i));
                _payPayout(offerId, payouts[i], sum, distributes);
                sum = 0;
            }
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

    /// @dev A split of ours that `distributes` is paid and distributed in one call, and its failure is ours; any other
    /// payment is a plain call with all gas, which can only fail this purchase.
    function _payPayout(uint256 offerId, address payout, uint256 amount, bool distributes) private {
        if (amount == 0) return;
        if (distributes && IRoyaltySplitFactory(factory).isSplit(payout)) {
            IRoyaltySplit(payout).distribute{value: amount}(address(0));
        } else if (!_send(payout, amount, gasleft())) {
            revert LicenseManager_PaymentFailed(payout, amount);
        }
        emit Paid(offerId, payout, address(0), amount);
    }

    /// @dev A plain call of ETH that copies no return data.
    function _send(address to, uint256 amount, uint256 gasLimit) private returns (bool success) {
        assembly ("memory-safe") {
            success := call(gasLimit, to, amount, 0, 0, 0, 0)
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
