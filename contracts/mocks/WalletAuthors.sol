// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev ERC-1271 in the ways that matter to {CopyrightRegistry.registerFor}.
contract WalletAuthor {
    enum Answer {
        Accepts,
        Refuses,
        Reverts,
        BurnsGas,
        Bombs,
        AcceptsShort
    }

    Answer public answer;
    bytes32 public digest;

    /// @dev Accepts this digest only.
    function set(Answer answer_, bytes32 digest_) external {
        (answer, digest) = (answer_, digest_);
    }

    function isValidSignature(bytes32 hash, bytes calldata) external view returns (bytes4) {
        if (answer == Answer.Reverts) revert("no");
        if (answer == Answer.Refuses || hash != digest) return 0xffffffff;
        bool burns = answer == Answer.BurnsGas;
        bool bombs = answer == Answer.Bombs;
        bool short = answer == Answer.AcceptsShort;
        assembly {
            if burns { invalid() }
            if bombs { return(0, 170000) }
            if short {
                mstore(0, shl(224, 0x1626ba7e))
                return(0, 4)
            }
        }
        return 0x1626ba7e;
    }
}

/// @dev Code that knows no ERC-1271, for an account to delegate to (EIP-7702).
contract BareDelegate {
    receive() external payable {}
}
