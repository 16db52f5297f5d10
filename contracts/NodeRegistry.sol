// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {INodeRegistry, NodeRecord, NodeState} from "../interfaces/INodeRegistry.sol";

/// @title NodeRegistry
/// @notice See the documentation in {INodeRegistry}.
contract NodeRegistry is INodeRegistry {
    uint256 private constant MAX_URL = 256;
    uint256 private constant MAX_PEER = 256;
    uint256 private constant MAX_DOMAIN = 253;
    uint256 private constant MAX_KEY = 2048;

    /// @dev Slot 0. Each state has two slots:
    /// ```
    /// slot 0   [0..159] operator   [160..223] updatedBlock   [224..231] retired
    /// slot 1   nodeKey
    /// ```
    mapping(bytes32 nodeId => NodeState state) private _nodes;

    /// @inheritdoc INodeRegistry
    function announce(bytes32 salt, NodeRecord calldata record) external override returns (bytes32 nodeId) {
        nodeId = keccak256(abi.encode(msg.sender, salt));
        if (_nodes[nodeId].operator != address(0)) revert NodeRegistry_NodeExists(nodeId);
        _nodes[nodeId].operator = msg.sender;
        _update(nodeId, record);
        emit NodeAnnounced(nodeId, msg.sender, salt, record);
    }

    /// @inheritdoc INodeRegistry
    function change(bytes32 nodeId, NodeRecord calldata record) external override {
        _checkOperator(nodeId);
        _update(nodeId, record);
        emit NodeChanged(nodeId, record);
    }

    /// @inheritdoc INodeRegistry
    function retire(bytes32 nodeId) external override {
        _checkOperator(nodeId);
        _nodes[nodeId].retired = true;
        emit NodeRetired(nodeId);
    }

    /// @inheritdoc INodeRegistry
    function nodeOf(bytes32 nodeId) external view override returns (NodeState memory) {
        return _nodes[nodeId];
    }

    function _checkOperator(bytes32 nodeId) private view {
        NodeState storage node = _nodes[nodeId];
        address operator = node.operator;
        if (operator == address(0)) revert NodeRegistry_UnknownNode(nodeId);
        if (operator != msg.sender) revert NodeRegistry_NotOperator(nodeId, msg.sender);
        if (node.retired) revert NodeRegistry_NodeIsRetired(nodeId);
    }

    function _update(bytes32 nodeId, NodeRecord calldata record) private {
        if (bytes(record.apiUrl).length == 0) revert NodeRegistry_ZeroUrl();
        _checkLength("apiUrl", record.apiUrl, MAX_URL);
        _checkLength("gatewayUrl", record.gatewayUrl, MAX_URL);
        _checkLength("peer", record.peer, MAX_PEER);
        _checkLength("domain", record.domain, MAX_DOMAIN);
        uint256 keyLength = record.key.length;
        if (keyLength == 0 || keyLength > MAX_KEY) revert NodeRegistry_KeyLength(keyLength);
        NodeState storage node = _nodes[nodeId];
        node.updatedBlock = uint64(block.number);
        node.nodeKey = keccak256(abi.encodePacked(record.kem, record.key));
    }

    function _checkLength(string memory field, string calldata text, uint256 max) private pure {
        uint256 length = bytes(text).length;
        if (length > max) revert NodeRegistry_StringTooLong(field, length, max);
    }
}
