// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {Cid} from "../../contracts/libraries/Cid.sol";
import {Symbolic} from "./Symbolic.sol";

/// @dev R5: the metadata that ERC-721 and ERC-1155 name is that of the digest on chain, and of no other.
contract CidProofs is Symbolic {
    function check_R5_cidOfADirectory(bytes32 digest) external pure {
        _equalsReference(Cid.DAG_PB, digest);
    }

    function check_R5_cidOfALeaf(bytes32 digest) external pure {
        _equalsReference(Cid.RAW, digest);
    }

    /// @dev The text is `b` and, for each five bits of prefix, digest and two zeros, their letter in RFC 4648's alphabet.
    function _equalsReference(bytes4 prefix, bytes32 digest) private pure {
        bytes memory text = bytes(Cid.toText(prefix, digest));
        assert(text.length == 59 && text[0] == "b");
        for (uint256 i; i < 58; ++i) {
            uint256 five;
            for (uint256 bit = 5 * i; bit < 5 * i + 5; ++bit) {
                five = (five << 1) | _bit(prefix, digest, bit);
            }
            assert(uint8(text[i + 1]) == _letter(five));
        }
    }

    /// @dev Bit `i`, from the highest, of prefix, digest and zeros.
    function _bit(bytes4 prefix, bytes32 digest, uint256 i) private pure returns (uint256) {
        if (i < 32) return (uint32(prefix) >> (31 - i)) & 1;
        return i < 288 ? (uint256(digest) >> (287 - i)) & 1 : 0;
    }

    /// @dev 0 to 25 are `a` to `z`, 26 to 31 are `2` to `7`: 73 less than letters going on would be.
    function _letter(uint256 five) private pure returns (uint256 code) {
        assembly ("memory-safe") {
            code := sub(add(0x61, five), mul(73, gt(five, 25)))
        }
    }
}
