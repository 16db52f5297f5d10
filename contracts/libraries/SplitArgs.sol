// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev The immutable arguments at the end of a split's code, written by the factory, read by the split:
///
///     uint16 parts             10,000 / g, with g the greatest common divisor of the shares
///     for each payee, sorted:
///       address payee
///       uint16 weight          share / g; the weights sum to `parts`
///
/// Weights instead of shares save a division for each payment and lose nothing: share = weight × 10,000 / parts.
library SplitArgs {
    uint256 internal constant BASIS_POINTS = 10_000;
    uint256 internal constant PARTS_SIZE = 2;
    uint256 internal constant ENTRY_SIZE = 22;

    function encode(address[] calldata payees, uint16[] calldata shares, uint256 divisor)
        internal
        pure
        returns (bytes memory args)
    {
        uint256 count = payees.length;
        args = new bytes(PARTS_SIZE + count * ENTRY_SIZE);
        _store(args, 0, (BASIS_POINTS / divisor) << 240);
        for (uint256 i; i < count; ++i) {
            uint256 entry = (uint256(uint160(payees[i])) << 96) | (shares[i] / divisor) << 80;
            _store(args, PARTS_SIZE + i * ENTRY_SIZE, entry);
        }
    }

    function count(bytes memory args) internal pure returns (uint256) {
        return args.length / ENTRY_SIZE;
    }

    function parts(bytes memory args) internal pure returns (uint256) {
        return _load(args, 0) >> 240;
    }

    /// @dev `i` is not checked against the length.
    function at(bytes memory args, uint256 i) internal pure returns (address payee, uint256 weight) {
        unchecked {
            uint256 entry = _load(args, PARTS_SIZE + i * ENTRY_SIZE);
            payee = address(uint160(entry >> 96));
            weight = (entry >> 80) & 0xffff;
        }
    }

    function _load(bytes memory args, uint256 offset) private pure returns (uint256 word) {
        assembly ("memory-safe") {
            word := mload(add(add(args, 0x20), offset))
        }
    }

    /// @dev Writes a whole word: in ascending order, each write repairs what the one before wrote too far.
    /// The last reaches at most 30 bytes past the arguments, where nothing is allocated yet.
    function _store(bytes memory args, uint256 offset, uint256 word) private pure {
        assembly ("memory-safe") {
            mstore(add(add(args, 0x20), offset), word)
        }
    }
}
