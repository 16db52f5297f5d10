// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

/// @title What is used here of Uniswap's Permit2 (its `ISignatureTransfer`)
interface IPermit2 {
    /// @param token ERC-20 token.
    /// @param amount The most that may be taken, base units.
    struct TokenPermissions {
        address token;
        uint256 amount;
    }

    /// @param permitted What may be taken.
    /// @param nonce Unordered; used once.
    /// @param deadline Seconds since 1970 of the last block time at which it may be used.
    struct PermitTransferFrom {
        TokenPermissions permitted;
        uint256 nonce;
        uint256 deadline;
    }

    /// @param to Who receives it.
    /// @param requestedAmount What is taken, base units.
    struct SignatureTransferDetails {
        address to;
        uint256 requestedAmount;
    }

    /// @notice Takes tokens by a signature over the permit, the caller as its spender, and the witness.
    /// @param permit What was signed.
    /// @param transferDetails What is done of it.
    /// @param owner Who signed.
    /// @param witness EIP-712 hash of the further struct that was signed.
    /// @param witnessTypeString That struct's field, type and all types after `TokenPermissions`, alphabetically.
    /// @param signature The owner's.
    function permitWitnessTransferFrom(
        PermitTransferFrom calldata permit,
        SignatureTransferDetails calldata transferDetails,
        address owner,
        bytes32 witness,
        string calldata witnessTypeString,
        bytes calldata signature
    ) external;
}
