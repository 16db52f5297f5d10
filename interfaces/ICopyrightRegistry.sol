// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice Who may hear a work (DESIGN 4.2).
enum Visibility {
    Private,
    Licensed,
    Open,
    Withdrawn
}

/// @notice What an author registers.
struct Work {
    bytes32 workHash;
    bytes32 release;
    Visibility visibility;
    address payout;
}

/// @notice Everything the registry knows of a certificate.
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

interface ICopyrightRegistry {
    event Committed(bytes32 indexed commitment, uint64 committedAt);
    event Registered(
        bytes32 indexed workHash,
        address indexed author,
        uint64 committedAt,
        uint64 registeredAt,
        bytes32 release,
        Visibility visibility,
        address payout
    );
    event Skipped(bytes32 indexed workHash, address indexed author);
    event ReleasePublished(bytes32 indexed certificate, bytes32 release, uint64 version);
    event VisibilityChanged(bytes32 indexed certificate, Visibility visibility);
    event PayoutChanged(bytes32 indexed certificate, address payout);
    event PayoutLocked(bytes32 indexed certificate, address payout);
    event Contested(bytes32 indexed workHash, address indexed claimant, uint64 committedAt); // issue 5
    event MetadataUpdate(uint256 tokenId);

    error CopyrightRegistry_UnknownCertificate(bytes32 certificate);
    error CopyrightRegistry_NotAuthorized(bytes32 certificate, address caller);
    error CopyrightRegistry_NotOwner(bytes32 certificate, address caller);
    error CopyrightRegistry_NoCommitment(bytes32 commitment);
    error CopyrightRegistry_CommitmentTooYoung(bytes32 commitment, uint256 registrableAt);
    error CopyrightRegistry_NothingToRegister();
    error CopyrightRegistry_ZeroWorkHash();
    error CopyrightRegistry_ZeroRelease(bytes32 certificate);
    error CopyrightRegistry_PayoutIsLocked(bytes32 certificate);
    error CopyrightRegistry_PayoutNotSplit(bytes32 certificate, address payout);
    error CopyrightRegistry_PayoutNotExpected(bytes32 certificate, address expected, address actual);

    function commit(bytes32 commitment) external;
    function register(Work[] calldata works, bytes32 salt) external;
    function publishRelease(bytes32 certificate, bytes32 release) external;
    function setVisibility(bytes32 certificate, Visibility visibility) external;
    function setPayout(bytes32 certificate, address payout) external;
    function lockPayout(bytes32 certificate, address expectedPayout) external;

    function minAge() external view returns (uint64);
    function committedAt(bytes32 commitment) external view returns (uint64);
    function certificateOf(bytes32 certificate) external view returns (Certificate memory);
    /// Non-reverting reads used by the other contracts and by clients: zero owner = unknown.
    function access(bytes32 certificate) external view returns (address owner, Visibility visibility);
    function payoutOf(bytes32 certificate) external view returns (address payout);
    function tokenURI(uint256 tokenId) external view returns (string memory);
    function contractURI() external view returns (string memory);
}
