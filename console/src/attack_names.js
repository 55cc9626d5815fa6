/*
 * attack_names: what MITRE ATT&CK (enterprise) calls its tactics and the techniques that rules about servers, containers and
 * networks tag. ATT&CK is a trademark of The MITRE Corporation. A technique that is not here is shown by its number.
 */
export const TACTICS = [
    ['reconnaissance', 'Reconnaissance'], ['resource-development', 'Resource development'], ['initial-access', 'Initial access'], ['execution', 'Execution'],
    ['persistence', 'Persistence'], ['privilege-escalation', 'Privilege escalation'], ['defense-evasion', 'Defense evasion'], ['credential-access', 'Credential access'],
    ['discovery', 'Discovery'], ['lateral-movement', 'Lateral movement'], ['collection', 'Collection'], ['command-and-control', 'Command and control'],
    ['exfiltration', 'Exfiltration'], ['impact', 'Impact'],
];

const TEXT = `1003 OS credential dumping|1005 Data from local system|1007 System service discovery|1014 Rootkit|1016 Network configuration discovery|1018 Remote system discovery
1020 Automated exfiltration|1021 Remote services|1027 Obfuscated files|1030 Data transfer size limits|1033 User discovery|1036 Masquerading|1037 Boot or logon scripts|1040 Network sniffing
1041 Exfiltration over C2|1046 Network service discovery|1047 WMI|1048 Exfiltration over other protocol|1049 Connections discovery|1053 Scheduled task|1055 Process injection
1056 Input capture|1057 Process discovery|1059 Command interpreter|1068 Exploitation for privilege escalation|1069 Groups discovery|1070 Indicator removal|1071 Application protocol
1072 Software deployment tools|1074 Data staged|1078 Valid accounts|1082 System discovery|1083 File and directory discovery|1087 Account discovery|1090 Proxy|1091 Removable media
1092 Removable media C2|1095 Non-application protocol|1098 Account manipulation|1102 Web service|1104 Multi-stage channels|1105 Ingress tool transfer|1106 Native API|1110 Brute force
1111 MFA interception|1112 Modify registry|1113 Screen capture|1114 Email collection|1115 Clipboard data|1119 Automated collection|1123 Audio capture|1124 System time discovery
1127 Developer utilities|1129 Shared modules|1132 Data encoding|1133 External remote services|1134 Token manipulation|1135 Share discovery|1136 Create account|1140 Deobfuscate
1176 Software extensions|1185 Browser session hijacking|1187 Forced authentication|1189 Drive-by compromise|1190 Exploit public-facing application|1195 Supply chain compromise
1199 Trusted relationship|1200 Hardware additions|1201 Password policy discovery|1202 Indirect execution|1203 Exploitation for client execution|1204 User execution
1210 Exploitation of remote services|1211 Exploitation for evasion|1212 Exploitation for credentials|1213 Data from repositories|1216 Script proxy execution|1217 Browser discovery
1218 Binary proxy execution|1219 Remote access tools|1220 XSL script processing|1221 Template injection|1222 File permissions modification|1480 Execution guardrails
1482 Domain trust discovery|1484 Policy modification|1485 Data destruction|1486 Data encrypted for impact|1489 Service stop|1490 Inhibit recovery|1491 Defacement
1495 Firmware corruption|1496 Resource hijacking|1497 Sandbox evasion|1498 Network denial of service|1499 Endpoint denial of service|1505 Server software component
1518 Software discovery|1525 Implant internal image|1526 Cloud service discovery|1528 Steal access token|1529 Shutdown or reboot|1530 Data from cloud storage|1531 Account access removal
1534 Internal spearphishing|1537 Transfer to cloud account|1538 Cloud dashboard|1539 Steal web session cookie|1542 Pre-OS boot|1543 System process|1546 Event triggered execution
1547 Boot or logon autostart|1548 Abuse elevation control|1550 Alternate authentication|1552 Unsecured credentials|1553 Subvert trust controls|1554 Compromise host binary
1555 Credentials from stores|1556 Modify authentication|1557 Adversary in the middle|1558 Kerberos tickets|1560 Archive collected data|1561 Disk wipe|1562 Impair defenses
1563 Session hijacking|1564 Hide artifacts|1565 Data manipulation|1566 Phishing|1567 Exfiltration over web service|1568 Dynamic resolution|1569 System services
1570 Lateral tool transfer|1571 Non-standard port|1572 Protocol tunneling|1573 Encrypted channel|1574 Hijack execution flow|1578 Modify cloud compute|1580 Cloud discovery
1583 Acquire infrastructure|1584 Compromise infrastructure|1587 Develop capabilities|1588 Obtain capabilities|1589 Gather identity information|1590 Gather network information
1591 Gather organisation information|1592 Gather host information|1593 Search open websites|1594 Search victim websites|1595 Active scanning|1596 Search technical databases
1598 Phishing for information|1601 Modify system image|1602 Data from configuration repository|1606 Forge web credentials|1608 Stage capabilities|1609 Container administration command
1610 Deploy container|1611 Escape to host|1612 Build image on host|1613 Container discovery|1614 Location discovery|1615 Group policy discovery|1619 Cloud storage discovery
1620 Reflective loading|1621 MFA request generation|1622 Debugger evasion|1648 Serverless execution|1649 Forge certificates|1651 Cloud administration command|1653 Power settings
1654 Log enumeration|1656 Impersonation|1657 Financial theft|1659 Content injection|1665 Hide infrastructure`;
export const TECHNIQUES = new Map(TEXT.split(/[|\n]/).map(t => [`t${t.slice(0, 4)}`, t.slice(5)]));
