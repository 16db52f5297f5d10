// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Takes ETH in the mood that it was told to be in; calls back whoever pays it, if that is its mood.
contract MoodyPayee {
    enum Mood {
        Accepts,
        Refuses,
        BurnsGas,
        RevertsHuge,
        ReturnsHuge,
        Reenters,
        ReentersOrRefuses
    }

    error MoodyPayee_Refuses();

    Mood public mood;
    bytes public data;

    /// @dev `data_` is what it calls its payer with when it re-enters.
    function feel(Mood mood_, bytes calldata data_) external {
        (mood, data) = (mood_, data_);
    }

    receive() external payable {
        Mood felt = mood;
        if (felt == Mood.Accepts) return;
        require(felt != Mood.Refuses, MoodyPayee_Refuses());
        if (felt == Mood.BurnsGas) {
            assembly ("memory-safe") {
                invalid()
            }
        }
        if (felt == Mood.RevertsHuge) {
            assembly ("memory-safe") {
                revert(0, 170000)
            }
        }
        if (felt == Mood.ReturnsHuge) {
            assembly ("memory-safe") {
                return(0, 170000)
            }
        }
        (bool success,) = msg.sender.call(data);
        require(success || felt == Mood.Reenters, MoodyPayee_Refuses());
    }

    /// @dev Calls on as this contract.
    function execute(address target, bytes calldata payload) external payable {
        (bool success, bytes memory answer) = target.call{value: msg.value}(payload);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}
