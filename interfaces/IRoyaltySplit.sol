// SPDX-License-Identifier: MIT
pragma solidity ^0.8.37;

interface IRoyaltySplit {
    event Distributed(address indexed token, uint256 amount); // paid and credited together, base units
    event Credited(address indexed token, address indexed payee, uint256 amount);
    event Withdrawn(address indexed token, address indexed payee, address indexed to, uint256 amount);

    error RoyaltySplit_TooLittleGas();
    error RoyaltySplit_NoCredit(address token, address payee);
    error RoyaltySplit_TransferFailed(address token, address to, uint256 amount);
    error RoyaltySplit_ZeroRecipient();

    function distribute(address token) external payable;
    function withdraw(address token, address payee) external;
    function withdrawTo(address token, address to) external;
    function payees() external view returns (address[] memory accounts, uint16[] memory shares);
    function creditOf(address token, address payee) external view returns (uint256);
    function totalCredit(address token) external view returns (uint256);
}
