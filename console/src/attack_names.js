/*
 * attack_names: what MITRE ATT&CK (enterprise) calls its tactics and the techniques that rules about servers, containers and
 * networks tag. ATT&CK is a trademark of The MITRE Corporation. A technique that is not here is shown by its number.
 */
export const TACTICS = [
    ['reconnaissance', 'Reconnaissance', 'r'], ['resource-development', 'Resource development', 'R'], ['initial-access', 'Initial access', 'i'], ['execution', 'Execution', 'e'],
    ['persistence', 'Persistence', 'p'], ['privilege-escalation', 'Privilege escalation', 'v'], ['defense-evasion', 'Defense evasion', 'd'], ['credential-access', 'Credential access', 'c'],
    ['discovery', 'Discovery', 'y'], ['lateral-movement', 'Lateral movement', 'l'], ['collection', 'Collection', 'o'], ['command-and-control', 'Command and control', 'C'],
    ['exfiltration', 'Exfiltration', 'x'], ['impact', 'Impact', 'm'],
];

/* Number, tactics by their letter, name. */

const TEXT = `1003 c OS credential dumping|1005 o Data from local system|1007 y System service discovery|1014 d Rootkit|1016 y Network configuration discovery
1018 y Remote system discovery|1020 x Automated exfiltration|1021 l Remote services|1027 d Obfuscated files|1030 x Data transfer size limits|1033 y User discovery
1036 d Masquerading|1037 pv Boot or logon scripts|1040 cy Network sniffing|1041 x Exfiltration over C2|1046 y Network service discovery|1047 e WMI
1048 x Exfiltration over other protocol|1049 y Connections discovery|1053 epv Scheduled task|1055 dv Process injection|1056 oc Input capture|1057 y Process discovery
1059 e Command interpreter|1068 v Exploitation for privilege escalation|1069 y Groups discovery|1070 d Indicator removal|1071 C Application protocol
1072 el Software deployment tools|1074 o Data staged|1078 dpvi Valid accounts|1082 y System discovery|1083 y File and directory discovery|1087 y Account discovery
1090 C Proxy|1091 li Removable media|1092 C Removable media C2|1095 C Non-application protocol|1098 pv Account manipulation|1102 C Web service|1104 C Multi-stage channels
1105 C Ingress tool transfer|1106 e Native API|1110 c Brute force|1111 c MFA interception|1112 dp Modify registry|1113 o Screen capture|1114 o Email collection
1115 o Clipboard data|1119 o Automated collection|1123 o Audio capture|1124 y System time discovery|1127 d Developer utilities|1129 e Shared modules|1132 C Data encoding
1133 pi External remote services|1134 dv Token manipulation|1135 y Share discovery|1136 p Create account|1140 d Deobfuscate|1176 p Software extensions
1185 o Browser session hijacking|1187 c Forced authentication|1189 i Drive-by compromise|1190 i Exploit public-facing application|1195 i Supply chain compromise
1199 i Trusted relationship|1200 i Hardware additions|1201 y Password policy discovery|1202 d Indirect execution|1203 e Exploitation for client execution
1204 e User execution|1210 l Exploitation of remote services|1211 d Exploitation for evasion|1212 c Exploitation for credentials|1213 o Data from repositories
1216 d Script proxy execution|1217 y Browser discovery|1218 d Binary proxy execution|1219 C Remote access tools|1220 d XSL script processing|1221 d Template injection
1222 d File permissions modification|1480 d Execution guardrails|1482 y Domain trust discovery|1484 dv Policy modification|1485 m Data destruction
1486 m Data encrypted for impact|1489 m Service stop|1490 m Inhibit recovery|1491 m Defacement|1495 m Firmware corruption|1496 m Resource hijacking
1497 dy Sandbox evasion|1498 m Network denial of service|1499 m Endpoint denial of service|1505 p Server software component|1518 y Software discovery
1525 p Implant internal image|1526 y Cloud service discovery|1528 c Steal access token|1529 m Shutdown or reboot|1530 o Data from cloud storage
1531 m Account access removal|1534 l Internal spearphishing|1537 x Transfer to cloud account|1538 y Cloud dashboard|1539 c Steal web session cookie|1542 pd Pre-OS boot
1543 pv System process|1546 pv Event triggered execution|1547 pv Boot or logon autostart|1548 vd Abuse elevation control|1550 dl Alternate authentication
1552 c Unsecured credentials|1553 d Subvert trust controls|1554 p Compromise host binary|1555 c Credentials from stores|1556 cdp Modify authentication
1557 co Adversary in the middle|1558 c Kerberos tickets|1560 o Archive collected data|1561 m Disk wipe|1562 d Impair defenses|1563 l Session hijacking
1564 d Hide artifacts|1565 m Data manipulation|1566 i Phishing|1567 x Exfiltration over web service|1568 C Dynamic resolution|1569 e System services
1570 l Lateral tool transfer|1571 C Non-standard port|1572 C Protocol tunneling|1573 C Encrypted channel|1574 pvd Hijack execution flow|1578 d Modify cloud compute
1580 y Cloud discovery|1583 R Acquire infrastructure|1584 R Compromise infrastructure|1587 R Develop capabilities|1588 R Obtain capabilities
1589 r Gather identity information|1590 r Gather network information|1591 r Gather organisation information|1592 r Gather host information|1593 r Search open websites
1594 r Search victim websites|1595 r Active scanning|1596 r Search technical databases|1598 r Phishing for information|1601 d Modify system image
1602 o Data from configuration repository|1606 c Forge web credentials|1608 R Stage capabilities|1609 e Container administration command|1610 de Deploy container
1611 v Escape to host|1612 d Build image on host|1613 y Container discovery|1614 y Location discovery|1615 y Group policy discovery|1619 y Cloud storage discovery
1620 d Reflective loading|1621 c MFA request generation|1622 dy Debugger evasion|1648 e Serverless execution|1649 c Forge certificates|1651 e Cloud administration command
1653 p Power settings|1654 y Log enumeration|1656 d Impersonation|1657 m Financial theft|1659 iC Content injection|1665 C Hide infrastructure`;
export const TECHNIQUES = new Map(TEXT.split(/[|\n]/).map(t => {
    const [number, letters, ...name] = t.split(' ');
    return [`t${number}`, { name: name.join(' '), tactics: TACTICS.filter(c => letters.includes(c[2])).map(c => c[0]) }];
}));
