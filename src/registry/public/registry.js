// Says which release answers, and which version of the API it speaks.
const say = async (id, address, read) => {
  const place = document.getElementById(id);
  try {
    const answer = await fetch(address);
    place.textContent = answer.ok ? read(await answer.json()) : `no answer (${answer.status})`;
  } catch {
    place.textContent = "no answer";
  }
};
say("service", "/api/info", (info) => `${info.name} ${info.version}`);
say("api", "/api/latest/api-docs", (document) => `version ${document.info.version}`);
