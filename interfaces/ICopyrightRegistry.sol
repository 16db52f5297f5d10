// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice Who may hear a work.
/// @param Private Not on sale; the owner, granted accounts and holders of licences sold before.
/// @param Licensed On sale; the owner, granted accounts, licence holders and payers per play.
/// @param Open Everyone.
/// @param Withdrawn The owner only; nodes let the content go. Set back, licences wake.
enum Visibility {
    Private,
    Licensed,
    Open,
    Withdrawn
}

/// @notice What an author registers.
/// @param workHash SHA-256 of the recording's original file; not zero. It becomes the token id.
/// @param release SHA-256 digest of the dag-pb CIDv1 of the encrypted package; not zero.
/// @param visibility Who may hear the work from now on.
/// @param payout Where the certificate's money goes; zero means whoever owns the certificate.
struct Work {
    bytes32 workHash;
    bytes32 release;
    Visibility visibility;
    address payout;
}

/// @notice Everything the registry knows of a certificate.
/// @param owner Holder of the ERC-721 token.
/// @param author Account that committed to the work and registered it; never changes.
/// @param committedAt Seconds since 1970 of the author's commitment; never changes.
/// @param registeredAt Seconds since 1970 of the registration; never changes.
/// @param release SHA-256 digest of the current release's CIDv1.
/// @param version Number of releases so far, from 1.
/// @param visibility Who may hear the work.
/// @param payout Where the money goes; zero means the owner.
/// @param payoutLocked True once the payout is fixed for ever.
struct Certificate {
    address owner;
    address author;
    uint64 committedAt;
    uint64 registeredAt;
    bytes32 release;
    uint64 version;
    Visibility visibility;
    address payout;
    bool payoutLocked;
}

/// @title Copyright certificates
/// @notice Timestamped certificates of authorship, one for each work hash, as ERC-721 tokens whose id is the work hash.
///
/// An author first commits to work hashes without revealing them, and reveals them by registering once the commitment
/// is at least {minAge} seconds old: whoever copies the reveal has no commitment of that age, unless
/// the reveal stays unmined for as long. What is recorded of the
/// past (work hash, author, both times) never changes, and no certificate is ever burned. There is no owner, no pause
/// and no upgrade.
///
/// Who may do what with a certificate: the owner everything; an operator (`isApprovedForAll`) everything but
/// {lockPayout}; the account approved for a single token may only transfer it.
///
/// Also answers ERC-721 with metadata, ERC-2981, ERC-4906 (by its events), ERC-5267 (`eip712Domain`, name `Immurtal`,
/// version `1`) and ERC-7572 ({contractURI}).
interface ICopyrightRegistry {
    /*//////////////////////////////////////////////////////////////////////////
                                       EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a commitment is recorded for the first time.
    /// @param commitment See {commit}.
    /// @param committedAt Seconds since 1970, the time of this block.
    event Committed(bytes32 indexed commitment, uint64 committedAt);

    /// @notice Emitted when a certificate comes into being, beside ERC-721's `Transfer` from zero.
    /// @param workHash The work, and the token's id.
    /// @param author First owner, whose commitment it was.
    /// @param committedAt Seconds since 1970 of the commitment.
    /// @param registeredAt Seconds since 1970, the time of this block.
    /// @param release Digest of the first release (version 1).
    /// @param visibility Who may hear the work.
    /// @param payout Where the money goes; zero means the owner.
    event Registered(
        bytes32 indexed workHash,
        address indexed author,
        uint64 committedAt,
        uint64 registeredAt,
        bytes32 release,
        Visibility visibility,
        address payout
    );

    /// @notice Emitted when a work of a {register} or {registerFor} call had a certificate already and was left as it
    /// is.
    /// @param workHash The work.
    /// @param author Account that asked for it in vain.
    event Skipped(bytes32 indexed workHash, address indexed author);

    /// @notice Emitted when a certificate names a new release, beside {MetadataUpdate}.
    /// @param certificate The certificate.
    /// @param release SHA-256 digest of the release's CIDv1.
    /// @param version Its number.
    event ReleasePublished(bytes32 indexed certificate, bytes32 release, uint64 version);

    /// @notice Emitted when it is set who may hear a work, also to what it was.
    /// @param certificate The certificate.
    /// @param visibility Who may hear it now.
    event VisibilityChanged(bytes32 indexed certificate, Visibility visibility);

    /// @notice Emitted when it is set where a certificate's money goes, also to what it was.
    /// @param certificate The certificate.
    /// @param payout Where the money goes now; zero means the owner.
    event PayoutChanged(bytes32 indexed certificate, address payout);

    /// @notice Emitted when a certificate's payout is fixed for ever.
    /// @param certificate The certificate.
    /// @param payout The royalty split that it is fixed to.
    event PayoutLocked(bytes32 indexed certificate, address payout);

    /// @notice Emitted when somebody proves a commitment to a work that is older than its author's. Moves nothing.
    /// @param workHash The work.
    /// @param claimant Account whose commitment it is.
    /// @param committedAt Seconds since 1970 of that older commitment.
    event Contested(bytes32 indexed workHash, address indexed claimant, uint64 committedAt);

    /// @notice ERC-4906: emitted when a token's metadata changed.
    /// @param tokenId The token.
    event MetadataUpdate(uint256 tokenId);

    /*//////////////////////////////////////////////////////////////////////////
                                       ERRORS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Thrown when there is no such certificate.
    error CopyrightRegistry_UnknownCertificate(bytes32 certificate);

    /// @notice Thrown when the caller is neither the certificate's owner nor an operator of all the owner's tokens.
    error CopyrightRegistry_NotAuthorized(bytes32 certificate, address caller);

    /// @notice Thrown when the caller is not the certificate's owner.
    error CopyrightRegistry_NotOwner(bytes32 certificate, address caller);

    /// @notice Thrown when the author never committed to exactly these works, in this order, with this salt.
    error CopyrightRegistry_NoCommitment(bytes32 commitment);

    /// @notice Thrown when the commitment is younger than {minAge}.
    /// @param registrableAt Seconds since 1970 of the first block time at which it is old enough.
    error CopyrightRegistry_CommitmentTooYoung(bytes32 commitment, uint256 registrableAt);

    /// @notice Thrown when a signed registration is sent after its deadline.
    error CopyrightRegistry_SignatureExpired(uint64 deadline);

    /// @notice Thrown when a registration is not signed by the author it names.
    error CopyrightRegistry_InvalidSignature(address author);

    /// @notice Thrown when a contested work is not among those of the commitment.
    error CopyrightRegistry_NotInCommitment(bytes32 workHash, bytes32 commitment);

    /// @notice Thrown when the claimant's commitment is not older than the author's.
    error CopyrightRegistry_CommitmentNotOlder(bytes32 commitment, uint64 claimed, uint64 certified);

    /// @notice Thrown when no work was given, or each has a certificate already.
    error CopyrightRegistry_NothingToRegister();

    /// @notice Thrown when a work hash is zero.
    error CopyrightRegistry_ZeroWorkHash();

    /// @notice Thrown when a release digest is zero.
    error CopyrightRegistry_ZeroRelease(bytes32 certificate);

    /// @notice Thrown when the payout was fixed for ever.
    error CopyrightRegistry_PayoutIsLocked(bytes32 certificate);

    /// @notice Thrown when a payout to be locked is no royalty split of {factory}.
    error CopyrightRegistry_PayoutNotSplit(bytes32 certificate, address payout);

    /// @notice Thrown when the payout to be locked is not the one that the owner means.
    error CopyrightRegistry_PayoutNotExpected(bytes32 certificate, address expected, address actual);

    /// @notice Thrown when ETH comes along with an ERC-721 call, which that standard lets be payable: it would be lost.
    error CopyrightRegistry_UnwantedValue(uint256 value);

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Records the time of a commitment. The first time is kept: a repetition changes nothing and says nothing.
    /// @dev Emits {Committed} the first time. Anyone may send anyone's commitment: it is bound to its author by its
    /// hash.
    /// @param commitment `keccak256(abi.encode(author, keccak256(abi.encodePacked(workHashes)), salt))`.
    function commit(bytes32 commitment) external;

    /// @notice Registers works of one commitment; the caller is their author and first owner. A work that has a
    /// certificate already, also by its double in the same call, is skipped.
    /// @dev Emits {Registered} (and `Transfer`) or {Skipped} for each work, in order. Calls no receiver.
    ///
    /// Requirements:
    /// - The caller's commitment to these work hashes in this order with this salt is at least {minAge} seconds old.
    /// - No work hash and no release is zero.
    /// - At least one work has no certificate yet.
    ///
    /// @param works The works, each of the commitment's, in its order.
    /// @param salt Secret of the commitment.
    function register(Work[] calldata works, bytes32 salt) external;

    /// @notice Registers works for an author who signed for it: anyone may send it, and pay for the gas. Otherwise as
    /// {register}: the author is the first owner, and whoever sends it has no part in it.
    /// @dev Emits what {register} emits. Sent again, it finds nothing to register: no nonce is needed.
    ///
    /// Requirements:
    /// - `deadline` has not passed; the deadline's own second still counts.
    /// - The signature is the author's over `Register(address author,Work[] works,bytes32 salt,uint64 deadline)
    ///   Work(bytes32 workHash,bytes32 release,uint8 visibility,address payout)` (EIP-712): by ECDSA (65 bytes, or 64
    ///   of ERC-2098), or else by ERC-1271 if the author has code.
    /// - Those of {register}, of the author's commitment.
    ///
    /// @param author Account whose commitment it is; never zero.
    /// @param works The works, each of the commitment's, in its order.
    /// @param salt Secret of the commitment.
    /// @param deadline Seconds since 1970 of the last block time at which it may be sent.
    /// @param signature The author's signature.
    function registerFor(address author, Work[] calldata works, bytes32 salt, uint64 deadline, bytes calldata signature)
        external;

    /// @notice Proves that the caller committed to a work before its author did. It records the claim and moves
    /// nothing; what it means is for people to judge. It reveals the whole commitment, with its other works.
    /// @dev Emits {Contested}, each time.
    ///
    /// Requirements:
    /// - The work has a certificate.
    /// - `workHash` is one of `workHashes`, to which the caller committed in this order with this salt.
    /// - That commitment is older than the one the certificate was registered by.
    ///
    /// @param workHash The contested work.
    /// @param workHashes All works of the caller's commitment, in its order.
    /// @param salt Secret of the caller's commitment.
    function contest(bytes32 workHash, bytes32[] calldata workHashes, bytes32 salt) external;

    /// @notice Makes a release the certificate's current one, with the next version.
    /// @dev Emits {ReleasePublished} and {MetadataUpdate}.
    ///
    /// Requirements:
    /// - The caller is the owner or an operator of all the owner's tokens.
    /// - The release is not zero.
    ///
    /// @param certificate The certificate.
    /// @param release SHA-256 digest of the release's dag-pb CIDv1.
    function publishRelease(bytes32 certificate, bytes32 release) external;

    /// @notice Sets who may hear a work.
    /// @dev Emits {VisibilityChanged}.
    ///
    /// Requirements:
    /// - The caller is the owner or an operator of all the owner's tokens.
    ///
    /// @param certificate The certificate.
    /// @param visibility Who may hear it.
    function setVisibility(bytes32 certificate, Visibility visibility) external;

    /// @notice Sets where a certificate's money goes. A transfer keeps it: a new owner looks at it first.
    /// @dev Emits {PayoutChanged}.
    ///
    /// Requirements:
    /// - The caller is the owner or an operator of all the owner's tokens.
    /// - The payout is not locked.
    ///
    /// @param certificate The certificate.
    /// @param payout Where the money goes; zero means the owner.
    function setPayout(bytes32 certificate, address payout) external;

    /// @notice Fixes a certificate's payout for ever. It fixes where money goes, not prices.
    /// @dev Emits {PayoutLocked}.
    ///
    /// Requirements:
    /// - The caller is the owner; no operator.
    /// - The payout is not locked yet.
    /// - The payout is `expectedPayout`, and a royalty split of {factory}.
    ///
    /// @param certificate The certificate.
    /// @param expectedPayout What the owner takes the payout for, so that no operator changes it just before.
    function lockPayout(bytes32 certificate, address expectedPayout) external;

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice How old a commitment must be before its works are registered.
    /// @return Seconds.
    function minAge() external view returns (uint64);

    /// @notice Whose royalty splits a payout can be locked to.
    /// @return Address of the RoyaltySplitFactory.
    function factory() external view returns (address);

    /// @notice When a commitment was first recorded. Never reverts.
    /// @param commitment See {commit}.
    /// @return Seconds since 1970; 0 if it never was.
    function committedAt(bytes32 commitment) external view returns (uint64);

    /// @notice Everything about a certificate. Reverts with {CopyrightRegistry_UnknownCertificate} if there is none.
    /// @param certificate The certificate.
    /// @return See {Certificate}.
    function certificateOf(bytes32 certificate) external view returns (Certificate memory);

    /// @notice Who owns a certificate and who may hear it. Never reverts.
    /// @param certificate The certificate.
    /// @return owner Zero if there is no such certificate.
    /// @return visibility Private if there is no such certificate.
    function access(bytes32 certificate) external view returns (address owner, Visibility visibility);

    /// @notice Where a certificate's money goes now: its payout, or else its owner. Never reverts.
    /// @param certificate The certificate.
    /// @return payout Zero if there is no such certificate.
    function payoutOf(bytes32 certificate) external view returns (address payout);

    /// @notice ERC-721 metadata: `ipfs://<CIDv1 of the release, base32>/metadata.json`.
    /// Reverts with {CopyrightRegistry_UnknownCertificate} if there is no such certificate.
    /// @param tokenId The certificate.
    /// @return The URI.
    function tokenURI(uint256 tokenId) external view returns (string memory);

    /// @notice ERC-2981: 10 % of any sale, to where the certificate's money goes. Never reverts.
    /// @param tokenId The certificate.
    /// @param salePrice Price in base units of any currency.
    /// @return receiver {payoutOf} the certificate; zero if there is none.
    /// @return royaltyAmount A tenth of the price, rounded down; 0 if there is no such certificate.
    function royaltyInfo(uint256 tokenId, uint256 salePrice)
        external
        view
        returns (address receiver, uint256 royaltyAmount);

    /// @notice ERC-7572: the collection's metadata.
    /// @return A data URI.
    function contractURI() external view returns (string memory);
}
