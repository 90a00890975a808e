/** What we sign containers, networks and volumes with. */
export const composeVersion = '0.1.0';
