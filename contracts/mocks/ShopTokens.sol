// SPDX-License-Identifier: MIT
pragma solidity 0.8.37;

import {ERC20} from "solady/tokens/ERC20.sol";

import {MockERC20} from "./MockERC20.sol";

/// @dev As USDT on mainnet: no permit, nothing given to Permit2, and an allowance is only changed by way of zero. It can
/// be told to refuse transfers in others' names.
contract TetherLike {
    string public constant symbol = "USDT";
    uint8 public constant decimals = 6;
    bool public refuses;
    mapping(address account => uint256) public balanceOf;
    mapping(address owner => mapping(address spender => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function setRefuses(bool value) external {
        refuses = value;
    }

    function approve(address spender, uint256 amount) external {
        require(amount == 0 || allowance[msg.sender][spender] == 0);
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        require(!refuses);
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @dev Takes an approval and keeps none.
contract ForgetfulToken is MockERC20 {
    function approve(address, uint256) public pure override returns (bool) {
        return true;
    }

    function DOMAIN_SEPARATOR() public pure override returns (bytes32) {
        revert();
    }
}

/// @dev Says that its permits are of another domain than they are.
contract LyingDomainToken is MockERC20 {
    function DOMAIN_SEPARATOR() public pure override returns (bytes32) {
        return keccak256("another");
    }
}

/// @dev Has the domain of a permit, and refuses every permit.
contract BrokenPermitToken is MockERC20 {
    function permit(address, address, uint256, uint256, uint8, bytes32, bytes32) public pure override {
        revert("no");
    }
}

/// @dev Calls itself what would fool a reader, and counts as nobody does.
contract HostileNameToken is ERC20 {
    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }

    function name() public pure override returns (string memory) {
        return "";
    }

    function symbol() public pure override returns (string memory) {
        return unicode"\u202e\u001b[31mETH and more than anyone wants to read";
    }

    function decimals() public pure override returns (uint8) {
        return 255;
    }
}
