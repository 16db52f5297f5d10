// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {IStreamingEscrow} from "../../interfaces/IStreamingEscrow.sol";

/// @title The data of a {UsageRecorded}, written as it comes
/// @notice The event's ABI encoding in memory: `0x20 ‖ count ‖ usages`, four words a usage. An array of structs would be
/// written once into memory and once more when it is emitted.
library UsageLog {
    uint256 private constant HEAD = 2;
    uint256 private constant USAGE = 4;

    /// @param most At most so many usages.
    function start(uint256 most) internal pure returns (uint256[] memory words) {
        words = new uint256[](HEAD + USAGE * most);
        words[0] = 0x20;
    }

    function add(uint256[] memory words, bytes32 certificate, uint256 plays, uint256 amount, address payout)
        internal
        pure
    {
        uint256 at = HEAD + USAGE * words[1]++;
        words[at] = uint256(certificate);
        words[at + 1] = plays;
        words[at + 2] = amount;
        words[at + 3] = uint160(payout);
    }

    /// @dev Emits the event, if there was any usage.
    function emitAll(uint256[] memory words, address listener, address device, address token) internal {
        uint256 count = words[1];
        if (count == 0) return;
        uint256 size = (HEAD + USAGE * count) * 32;
        bytes32 topic = IStreamingEscrow.UsageRecorded.selector;
        assembly ("memory-safe") {
            log4(add(words, 0x20), size, topic, listener, device, token)
        }
    }
}
