// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC721} from "solady/tokens/ERC721.sol";
import {ECDSA} from "solady/utils/ECDSA.sol";
import {EIP712} from "solady/utils/EIP712.sol";
import {SignatureCheckerLib} from "solady/utils/SignatureCheckerLib.sol";

import {Certificate, ICopyrightRegistry, Visibility, Work} from "../interfaces/ICopyrightRegistry.sol";
import {IRoyaltySplitFactory} from "../interfaces/IRoyaltySplitFactory.sol";
import {Cid} from "./libraries/Cid.sol";
import {RegisterHash} from "./libraries/RegisterHash.sol";

/// @title CopyrightRegistry
/// @notice See the documentation in {ICopyrightRegistry}.
contract CopyrightRegistry is ICopyrightRegistry, ERC721, EIP712 {
    /*//////////////////////////////////////////////////////////////////////////
                                       STORAGE
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ICopyrightRegistry
    uint64 public immutable override minAge;

    /// @inheritdoc ICopyrightRegistry
    address public immutable override factory;

    /// @dev One over what part of a price ERC-2981 asks for: 10 %.
    uint256 private constant ROYALTY_DIVISOR = 10;

    /// @dev What of a certificate does not fit beside its owner.
    /// ```
    /// slot 0   [0..159] author   [160..223] version
    /// slot 1   release
    /// slot 2   [0..159] payout, written only if it is not zero
    /// ```
    /// The rest is in the 96 bits that Solady's ownership slot leaves beside the owner, so that {access} reads one slot:
    /// ```
    /// ownership slot   [0..159] owner   [160..199] committedAt   [200..239] registeredAt
    ///                  [240..247] visibility   [248..255] payoutLocked
    /// ```
    /// Token ids are of anyone's choosing. Solady's ownership slot is `2 * id` plus a hash of the id's high 224 bits, so
    /// to reach a slot that is in use takes about 2^223 tries.
    struct Record {
        address author;
        uint64 version;
        bytes32 release;
        address payout;
    }

    /// @dev Slot 0: commitment => seconds since 1970 of its first commit.
    mapping(bytes32 commitment => uint64 time) private _committedAt;

    /// @dev Slot 1.
    mapping(bytes32 certificate => Record record) private _records;

    /*//////////////////////////////////////////////////////////////////////////
                                     CONSTRUCTOR
    //////////////////////////////////////////////////////////////////////////*/

    /// @param minAge_ Seconds that a commitment must have aged: 60; 1 on the development chain.
    /// @param factory_ Factory of royalty splits.
    constructor(uint64 minAge_, address factory_) {
        minAge = minAge_;
        factory = factory_;
    }

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ICopyrightRegistry
    function commit(bytes32 commitment) external override {
        if (_committedAt[commitment] != 0) return;
        uint64 time = uint64(block.timestamp);
        _committedAt[commitment] = time;
        emit Committed(commitment, time);
    }

    /// @inheritdoc ICopyrightRegistry
    function register(Work[] calldata works, bytes32 salt) external override {
        _register(msg.sender, works, _maturedCommitment(msg.sender, works, salt));
    }

    /// @inheritdoc ICopyrightRegistry
    function registerFor(address author, Work[] calldata works, bytes32 salt, uint64 deadline, bytes calldata signature)
        external
        override
    {
        if (block.timestamp > deadline) revert CopyrightRegistry_SignatureExpired(deadline);
        bytes32 digest = _hashTypedData(RegisterHash.hash(author, works, salt, deadline));
        if (!_isSignedBy(author, digest, signature)) revert CopyrightRegistry_InvalidSignature(author);
        _register(author, works, _maturedCommitment(author, works, salt));
    }

    /// @inheritdoc ICopyrightRegistry
    function contest(bytes32 workHash, bytes32[] calldata workHashes, bytes32 salt) external override {
        _knownOwner(workHash);
        (bytes32 commitment, uint64 claimed) = _commitmentOf(msg.sender, workHashes, salt);
        if (!_contains(workHashes, workHash)) revert CopyrightRegistry_NotInCommitment(workHash, commitment);
        (uint64 certified,,,) = _unpack(_getExtraData(uint256(workHash)));
        if (claimed >= certified) revert CopyrightRegistry_CommitmentNotOlder(commitment, claimed, certified);
        emit Contested(workHash, msg.sender, claimed);
    }

    /// @inheritdoc ICopyrightRegistry
    function publishRelease(bytes32 certificate, bytes32 release) external override {
        _checkAuthorized(certificate);
        if (release == 0) revert CopyrightRegistry_ZeroRelease(certificate);
        Record storage record = _records[certificate];
        uint64 version = record.version + 1;
        record.version = version;
        record.release = release;
        emit ReleasePublished(certificate, release, version);
        emit MetadataUpdate(uint256(certificate));
    }

    /// @inheritdoc ICopyrightRegistry
    function setVisibility(bytes32 certificate, Visibility visibility) external override {
        _checkAuthorized(certificate);
        (uint64 committed, uint64 registered,, bool locked) = _unpack(_getExtraData(uint256(certificate)));
        _setExtraData(uint256(certificate), _pack(committed, registered, visibility, locked));
        emit VisibilityChanged(certificate, visibility);
    }

    /// @inheritdoc ICopyrightRegistry
    function setPayout(bytes32 certificate, address payout) external override {
        _checkAuthorized(certificate);
        _checkUnlocked(certificate);
        _records[certificate].payout = payout;
        emit PayoutChanged(certificate, payout);
    }

    /// @inheritdoc ICopyrightRegistry
    function lockPayout(bytes32 certificate, address expectedPayout) external override {
        if (_knownOwner(certificate) != msg.sender) revert CopyrightRegistry_NotOwner(certificate, msg.sender);
        (uint64 committed, uint64 registered, Visibility visibility,) = _checkUnlocked(certificate);
        address payout = _records[certificate].payout;
        if (payout != expectedPayout) revert CopyrightRegistry_PayoutNotExpected(certificate, expectedPayout, payout);
        if (!IRoyaltySplitFactory(factory).isSplit(payout)) {
            revert CopyrightRegistry_PayoutNotSplit(certificate, payout);
        }
        _setExtraData(uint256(certificate), _pack(committed, registered, visibility, true));
        emit PayoutLocked(certificate, payout);
    }

    /// @dev ERC-721 lets it be payable; what came along would stay here for ever.
    function approve(address account, uint256 id) public payable override {
        _refuseValue();
        super.approve(account, id);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @inheritdoc ICopyrightRegistry
    function committedAt(bytes32 commitment) external view override returns (uint64) {
        return _committedAt[commitment];
    }

    /// @inheritdoc ICopyrightRegistry
    function certificateOf(bytes32 certificate) external view override returns (Certificate memory result) {
        result.owner = _knownOwner(certificate);
        (result.committedAt, result.registeredAt, result.visibility, result.payoutLocked) =
            _unpack(_getExtraData(uint256(certificate)));
        Record storage record = _records[certificate];
        result.author = record.author;
        result.version = record.version;
        result.release = record.release;
        result.payout = record.payout;
    }

    /// @inheritdoc ICopyrightRegistry
    function access(bytes32 certificate) external view override returns (address owner, Visibility visibility) {
        owner = _ownerOf(uint256(certificate));
        (,, visibility,) = _unpack(_getExtraData(uint256(certificate)));
    }

    /// @inheritdoc ICopyrightRegistry
    function payoutOf(bytes32 certificate) public view override returns (address payout) {
        payout = _records[certificate].payout;
        if (payout == address(0)) payout = _ownerOf(uint256(certificate));
    }

    /// @inheritdoc ICopyrightRegistry
    function tokenURI(uint256 tokenId) public view override(ERC721, ICopyrightRegistry) returns (string memory) {
        _knownOwner(bytes32(tokenId));
        return string.concat("ipfs://", Cid.toText(Cid.DAG_PB, _records[bytes32(tokenId)].release), "/metadata.json");
    }

    /// @inheritdoc ICopyrightRegistry
    function royaltyInfo(uint256 tokenId, uint256 salePrice)
        external
        view
        override
        returns (address receiver, uint256 royaltyAmount)
    {
        receiver = payoutOf(bytes32(tokenId));
        if (receiver != address(0)) royaltyAmount = salePrice / ROYALTY_DIVISOR;
    }

    /// @inheritdoc ICopyrightRegistry
    function contractURI() external pure override returns (string memory) {
        return 'data:application/json;utf8,{"name":"Immurtal certificates",'
            '"description":"Timestamped certificates of authorship of recordings","symbol":"IMMURTAL"}';
    }

    /// @dev ERC-721 metadata.
    function name() public pure override returns (string memory) {
        return "Immurtal certificates";
    }

    /// @dev ERC-721 metadata.
    function symbol() public pure override returns (string memory) {
        return "IMMURTAL";
    }

    /// @dev ERC-165, ERC-721 and its metadata, ERC-2981 (0x2a55205a), ERC-4906 (0x49064906, events only).
    function supportsInterface(bytes4 interfaceId) public view override returns (bool) {
        return interfaceId == 0x2a55205a || interfaceId == 0x49064906 || super.supportsInterface(interfaceId);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  REGISTERING
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev The time of the author's commitment to these works, if it is old enough.
    function _maturedCommitment(address author, Work[] calldata works, bytes32 salt)
        private
        view
        returns (uint64 committed)
    {
        bytes32[] memory workHashes = new bytes32[](works.length);
        for (uint256 i; i < works.length; ++i) {
            workHashes[i] = works[i].workHash;
        }
        bytes32 commitment;
        (commitment, committed) = _commitmentOf(author, workHashes, salt);
        uint256 registrableAt = uint256(committed) + minAge;
        if (block.timestamp < registrableAt) revert CopyrightRegistry_CommitmentTooYoung(commitment, registrableAt);
    }

    /// @dev An account's commitment to works, and its time; reverts if there is none.
    function _commitmentOf(address account, bytes32[] memory workHashes, bytes32 salt)
        private
        view
        returns (bytes32 commitment, uint64 committed)
    {
        commitment = keccak256(abi.encode(account, keccak256(abi.encodePacked(workHashes)), salt));
        committed = _committedAt[commitment];
        if (committed == 0) revert CopyrightRegistry_NoCommitment(commitment);
    }

    /// @dev Certifies each work that has no certificate yet.
    function _register(address author, Work[] calldata works, uint64 committed) private {
        bool registeredAny;
        for (uint256 i; i < works.length; ++i) {
            Work calldata work = works[i];
            if (work.workHash == 0) revert CopyrightRegistry_ZeroWorkHash();
            if (work.release == 0) revert CopyrightRegistry_ZeroRelease(work.workHash);
            if (_exists(uint256(work.workHash))) {
                emit Skipped(work.workHash, author);
            } else {
                _certify(author, work, committed);
                registeredAny = true;
            }
        }
        if (!registeredAny) revert CopyrightRegistry_NothingToRegister();
    }

    function _certify(address author, Work calldata work, uint64 committed) private {
        uint64 registered = uint64(block.timestamp);
        Record storage record = _records[work.workHash];
        record.author = author;
        record.version = 1;
        record.release = work.release;
        if (work.payout != address(0)) record.payout = work.payout;
        // "Unchecked" is about the id being free: the caller looked.
        _mintAndSetExtraDataUnchecked(
            author, uint256(work.workHash), _pack(committed, registered, work.visibility, false)
        );
        emit Registered(work.workHash, author, committed, registered, work.release, work.visibility, work.payout);
    }

    /*//////////////////////////////////////////////////////////////////////////
                                  CHECKS AND PACKING
    //////////////////////////////////////////////////////////////////////////*/

    /// @dev ECDSA whatever code the author has: an account that delegates (EIP-7702) has code that may know no ERC-1271.
    /// The zero address signs nothing: it is what a recovery that failed returns. A signature has a twin, of the other
    /// `s`: nothing depends on its bytes.
    function _isSignedBy(address author, bytes32 digest, bytes calldata signature) private view returns (bool) {
        if (author == address(0)) return false;
        return ECDSA.tryRecoverCalldata(digest, signature) == author
            || SignatureCheckerLib.isValidERC1271SignatureNowCalldata(author, digest, signature);
    }

    function _contains(bytes32[] calldata workHashes, bytes32 workHash) private pure returns (bool) {
        for (uint256 i; i < workHashes.length; ++i) {
            if (workHashes[i] == workHash) return true;
        }
        return false;
    }

    /// @dev The certificate's owner; reverts if there is no such certificate.
    function _knownOwner(bytes32 certificate) private view returns (address owner) {
        owner = _ownerOf(uint256(certificate));
        if (owner == address(0)) revert CopyrightRegistry_UnknownCertificate(certificate);
    }

    /// @dev Owner or operator of all the owner's tokens: whoever is approved for one token may only transfer it.
    function _checkAuthorized(bytes32 certificate) private view {
        address owner = _knownOwner(certificate);
        if (msg.sender != owner && !isApprovedForAll(owner, msg.sender)) {
            revert CopyrightRegistry_NotAuthorized(certificate, msg.sender);
        }
    }

    function _checkUnlocked(bytes32 certificate)
        private
        view
        returns (uint64 committed, uint64 registered, Visibility visibility, bool locked)
    {
        (committed, registered, visibility, locked) = _unpack(_getExtraData(uint256(certificate)));
        if (locked) revert CopyrightRegistry_PayoutIsLocked(certificate);
    }

    /// @dev Times have 40 bits, enough until the year 36812.
    function _pack(uint64 committed, uint64 registered, Visibility visibility, bool locked)
        private
        pure
        returns (uint96)
    {
        return uint96(committed) | (uint96(registered) << 40) | (uint96(visibility) << 80)
            | (locked ? uint96(1) << 88 : 0);
    }

    function _unpack(uint96 data)
        private
        pure
        returns (uint64 committed, uint64 registered, Visibility visibility, bool locked)
    {
        committed = uint40(data);
        registered = uint40(data >> 40);
        visibility = Visibility(uint8(data >> 80));
        locked = data >> 88 != 0;
    }

    function _refuseValue() private {
        if (msg.value != 0) revert CopyrightRegistry_UnwantedValue(msg.value);
    }

    /// @dev Every transfer passes here; see {approve}.
    function _beforeTokenTransfer(address, address, uint256) internal override {
        _refuseValue();
    }

    function _domainNameAndVersion() internal pure override returns (string memory, string memory) {
        return ("Immurtal", "1");
    }
}
