// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @notice What an operator announces; strings live in events only.
struct NodeRecord {
    string apiUrl;
    string gatewayUrl;
    string peer; // libp2p multiaddr with /p2p/
    uint16 kem; // HPKE KEM id
    bytes key; // HPKE public key
    bytes2 region; // ISO 3166-1 alpha-2, upper case
    string domain;
}

struct NodeState {
    address operator;
    uint64 updatedBlock; // block whose log holds the current record: read it with one eth_getLogs
    bool retired;
    bytes32 nodeKey; // keccak256(uint16 kem || key)
}

interface INodeRegistry {
    event NodeAnnounced(bytes32 indexed nodeId, address indexed operator, bytes32 salt, NodeRecord record);
    event NodeChanged(bytes32 indexed nodeId, NodeRecord record);
    event NodeRetired(bytes32 indexed nodeId);

    // errors: _UnknownNode(id), _NodeExists(id), _NotOperator(id, caller), _NodeIsRetired(id), _StringTooLong(field, length, max),
    // _KeyLength(length), _ZeroUrl
    function announce(bytes32 salt, NodeRecord calldata record) external returns (bytes32 nodeId);
    function change(bytes32 nodeId, NodeRecord calldata record) external;
    function retire(bytes32 nodeId) external;
    function nodeOf(bytes32 nodeId) external view returns (NodeState memory);
}
