// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

/// @dev Accepts ERC-1155 units, one at a time or many, and ETH.
contract AcceptingRecipient {
    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external virtual returns (bytes4) {
        return this.onERC1155Received.selector;
    }

    function onERC1155BatchReceived(address, address, uint256[] calldata, uint256[] calldata, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC1155BatchReceived.selector;
    }

    receive() external payable {}
}

/// @dev Refuses ERC-1155 units with an error of its own.
contract RefusingRecipient {
    error RefusingRecipient_Refuses();

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external pure returns (bytes4) {
        revert RefusingRecipient_Refuses();
    }
}

/// @dev Calls `target` with `data` when it receives a unit, and keeps the answer.
contract ReenteringRecipient is AcceptingRecipient {
    address public target;
    bytes public data;
    bool public succeeded;
    bytes public answer;

    function aim(address target_, bytes calldata data_) external {
        (target, data) = (target_, data_);
    }

    function onERC1155Received(address, address, uint256, uint256, bytes calldata) external override returns (bytes4) {
        (succeeded, answer) = target.call(data);
        return this.onERC1155Received.selector;
    }
}
