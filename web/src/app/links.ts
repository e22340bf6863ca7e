// Addresses outside the platform.

export const ORGANISATION_URL = 'https://github.com/statuscompliance';
export const TEAM_URL = 'https://github.com/orgs/statuscompliance/people';
export const CONTACT_URL = ORGANISATION_URL;
export const DOCS_URL = 'https://status-docs.netlify.app/docs/Getting-started/installation';
