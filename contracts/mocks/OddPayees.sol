// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Takes ETH, or refuses it, as it was told.
contract SwitchPayee {
    error SwitchPayee_Refuses();

    bool public refuses = true;

    function setRefuses(bool value) external {
        refuses = value;
    }

    receive() external payable {
        require(!refuses, SwitchPayee_Refuses());
    }

    /// @dev Calls on as this contract, so that it can withdraw its own credit.
    function execute(address target, bytes calldata data) external {
        (bool success, bytes memory answer) = target.call(data);
        if (!success) {
            assembly ("memory-safe") {
                revert(add(answer, 0x20), mload(answer))
            }
        }
    }
}

/// @dev Burns all the gas it gets.
contract GasBurningPayee {
    receive() external payable {
        assembly {
            invalid()
        }
    }
}

/// @dev Reverts with as much data as 100,000 gas can hold.
contract ReturnBombPayee {
    receive() external payable {
        assembly {
            revert(0, 170000)
        }
    }
}

/// @dev Refuses ETH unless it gets all of 100,000 gas and the 2,300 that come with value.
contract HungryPayee {
    error HungryPayee_TooLittleGas(uint256 gas);

    receive() external payable {
        require(gasleft() > 102_200, HungryPayee_TooLittleGas(gasleft()));
    }
}

/// @dev Calls `target` with `data` and `value` when it is paid; then keeps the money, or refuses it if the call failed.
contract ReenteringPayee {
    address public target;
    bytes public data;
    uint256 public value;
    bytes public answer;
    bool public insists;

    error ReenteringPayee_Failed();

    function aim(address target_, bytes calldata data_, bool insists_) external {
        (target, data, insists) = (target_, data_, insists_);
    }

    function sends(uint256 value_) external {
        value = value_;
    }

    receive() external payable {
        bool success;
        (success, answer) = target.call{value: value}(data);
        require(success || !insists, ReenteringPayee_Failed());
    }
}
