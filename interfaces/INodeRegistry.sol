// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What an operator announces of a node. It stands in events only.
/// @param apiUrl Where the node answers; 1 to 256 bytes.
/// @param gatewayUrl Where it serves blocks; at most 256 bytes, empty if it serves none.
/// @param peer libp2p multiaddr with `/p2p/`; at most 256 bytes, empty if it has none.
/// @param kem HPKE KEM id of the key (RFC 9180, section 7.1).
/// @param key HPKE public key that key shares are sealed to; 1 to 2048 bytes.
/// @param region ISO 3166-1 alpha-2, upper case; zero if not told.
/// @param domain Domain of the operator; at most 253 bytes, empty if not told.
struct NodeRecord {
    string apiUrl;
    string gatewayUrl;
    string peer;
    uint16 kem;
    bytes key;
    bytes2 region;
    string domain;
}

/// @notice What the registry keeps of a node.
/// @param operator Account that announced it, and alone may change it; zero if there is no such node.
/// @param updatedBlock Number of the block whose log holds the current record: one `eth_getLogs` reads it (not
/// where `block.number` is another chain's, as on Arbitrum: there the log is searched for).
/// @param retired True once the operator has retired it.
/// @param nodeKey `keccak256(abi.encodePacked(kem, key))` of the current key.
struct NodeState {
    address operator;
    uint64 updatedBlock;
    bool retired;
    bytes32 nodeKey;
}

/// @title Directory of nodes
/// @notice Operators announce, change and retire their nodes here. It is a directory and no authority: whoever wants to
/// be listed is, nothing told here is checked but its length, and to be listed gives no right to anything.
interface INodeRegistry {
    /*//////////////////////////////////////////////////////////////////////////
                                       EVENTS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a node is announced.
    /// @param nodeId See {announce}.
    /// @param operator Account that announced it.
    /// @param salt What tells the operator's nodes apart.
    /// @param record What is announced.
    event NodeAnnounced(bytes32 indexed nodeId, address indexed operator, bytes32 salt, NodeRecord record);

    /// @notice Emitted when a node's record is replaced, key rotation included.
    /// @param nodeId The node.
    /// @param record The whole new record.
    event NodeChanged(bytes32 indexed nodeId, NodeRecord record);

    /// @notice Emitted when a node is retired, for good.
    /// @param nodeId The node.
    event NodeRetired(bytes32 indexed nodeId);

    /*//////////////////////////////////////////////////////////////////////////
                                       ERRORS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Thrown when there is no such node.
    error NodeRegistry_UnknownNode(bytes32 nodeId);

    /// @notice Thrown when the operator has announced a node with this salt before, retired or not.
    error NodeRegistry_NodeExists(bytes32 nodeId);

    /// @notice Thrown when the caller is not the node's operator.
    error NodeRegistry_NotOperator(bytes32 nodeId, address caller);

    /// @notice Thrown when the node was retired.
    error NodeRegistry_NodeIsRetired(bytes32 nodeId);

    /// @notice Thrown when a text is too long.
    /// @param field Its name in {NodeRecord}.
    /// @param length Its length in bytes.
    /// @param max The most it may have.
    error NodeRegistry_StringTooLong(string field, uint256 length, uint256 max);

    /// @notice Thrown when the key has no byte, or more than 2048.
    error NodeRegistry_KeyLength(uint256 length);

    /// @notice Thrown when the API URL is empty.
    error NodeRegistry_ZeroUrl();

    /*//////////////////////////////////////////////////////////////////////////
                                 STATE-CHANGING FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice Announces a node of the caller's.
    /// @dev Emits {NodeAnnounced}.
    ///
    /// Requirements:
    /// - The caller has announced no node with this salt.
    /// - The record keeps the lengths told in {NodeRecord}.
    ///
    /// @param salt What tells the operator's nodes apart.
    /// @param record What is announced.
    /// @return nodeId `keccak256(abi.encode(operator, salt))`; key rotation leaves it alone.
    function announce(bytes32 salt, NodeRecord calldata record) external returns (bytes32 nodeId);

    /// @notice Replaces a node's record.
    /// @dev Emits {NodeChanged}.
    ///
    /// Requirements:
    /// - The caller is the operator, and the node is not retired.
    /// - The record keeps the lengths told in {NodeRecord}.
    ///
    /// @param nodeId The node.
    /// @param record The whole new record.
    function change(bytes32 nodeId, NodeRecord calldata record) external;

    /// @notice Retires a node, for good; its last record stays readable.
    /// @dev Emits {NodeRetired}.
    ///
    /// Requirements:
    /// - The caller is the operator, and the node is not retired.
    ///
    /// @param nodeId The node.
    function retire(bytes32 nodeId) external;

    /*//////////////////////////////////////////////////////////////////////////
                                   READ-ONLY FUNCTIONS
    //////////////////////////////////////////////////////////////////////////*/

    /// @notice What the registry keeps of a node. Never reverts.
    /// @param nodeId The node.
    /// @return See {NodeState}; all zero if there is no such node.
    function nodeOf(bytes32 nodeId) external view returns (NodeState memory);
}
