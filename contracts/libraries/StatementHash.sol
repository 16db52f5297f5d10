// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Entry, Statement} from "../../interfaces/IStreamingEscrow.sol";

/// @title EIP-712 struct hash of a play statement
library StatementHash {
    bytes32 private constant ENTRY_TYPE = keccak256("Entry(bytes32 certificate,uint64 plays,uint128 amount)");

    bytes32 private constant STATEMENT_TYPE = keccak256(
        "Statement(address listener,address token,Entry[] entries)"
        "Entry(bytes32 certificate,uint64 plays,uint128 amount)"
    );

    function hash(Statement calldata statement) internal pure returns (bytes32) {
        return
            keccak256(abi.encode(STATEMENT_TYPE, statement.listener, statement.token, _hashEntries(statement.entries)));
    }

    function _hashEntries(Entry[] calldata entries) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](entries.length);
        for (uint256 i; i < hashes.length; ++i) {
            hashes[i] = keccak256(abi.encode(ENTRY_TYPE, entries[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
