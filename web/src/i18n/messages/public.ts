// Texts of the pages before the sign-in.

export const publicPages = {
  'public.home': ['STATUS, start', 'STATUS, inicio'],
  'public.about': ['About us', 'Quiénes somos'],
  'public.team': ['Our team', 'El equipo'],
  'public.contact': ['Contact', 'Contacto'],
  'public.signIn': ['Sign in', 'Iniciar sesión'],
  'public.open': ['Open STATUS', 'Abrir STATUS'],

  'landing.title': ['Compliance that is measured, not assumed', 'Cumplimiento medido, no supuesto'],
  'landing.text': [
    'STATUS turns rules into controls, computes them from your own systems, and shows at any time which of them hold.',
    'STATUS convierte las normas en controles, los calcula a partir de tus propios sistemas y muestra en todo momento cuáles se cumplen.',
  ],
  'landing.begin': ['Sign in', 'Iniciar sesión'],
  'landing.install': ['Try our beta', 'Prueba la beta'],
  'landing.define': ['Define', 'Define'],
  'landing.defineText': ['Write down what must hold as controls of a catalog, with a period and a threshold.', 'Recoge lo que debe cumplirse como controles de un catálogo, con periodo y umbral.'],
  'landing.connect': ['Connect', 'Conecta'],
  'landing.connectText': ['Draw in Node-RED how evidence is gathered; every flow is a mashup that controls can use.', 'Dibuja en Node-RED cómo se recogen las evidencias; cada flujo es un mashup que usan los controles.'],
  'landing.watch': ['Watch', 'Observa'],
  'landing.watchText': ['Follow compliance over time, down to the evidence behind each result, or in Grafana dashboards.', 'Sigue el cumplimiento en el tiempo, hasta la evidencia de cada resultado, o en paneles de Grafana.'],
  'landing.cases': ['Made for rules like these', 'Pensado para normas como estas'],
  'landing.iso': ['ISO standards', 'Normas ISO'],
  'landing.isoText': [
    'Keep the controls of ISO 27001, 9001 or 20000 in one catalog each, and arrive at the audit with the evidence at hand: every result names the documents and records it was computed from.',
    'Mantén los controles de ISO 27001, 9001 o 20000 en un catálogo cada uno y llega a la auditoría con las evidencias a mano: cada resultado indica los documentos y registros de los que procede.',
  ],
  'landing.gdpr': ['GDPR and LOPD', 'RGPD y LOPD'],
  'landing.gdprText': [
    'Check that consents are recorded, retention periods are kept and requests are answered in time, separately for each country, city or office through scopes.',
    'Comprueba que los consentimientos se registran, los plazos de conservación se respetan y las solicitudes se atienden a tiempo, por país, ciudad u oficina mediante ámbitos.',
  ],
  'landing.cmmi': ['CMMI and project management', 'CMMI y gestión de proyectos'],
  'landing.cmmiText': [
    'Measure how projects follow the agreed process from the tools that teams use already, and see where practice drifts from the plan while there is time to act.',
    'Mide cómo siguen los proyectos el proceso acordado con las herramientas que ya usan los equipos, y detecta las desviaciones cuando aún se puede actuar.',
  ],
  'landing.docs': ['Documentation', 'Documentación'],
  'landing.license': ['License', 'Licencia'],
  'landing.more': ['More', 'Más'],
  'landing.previewTitle': ['Information security', 'Seguridad de la información'],
  'landing.previewTime': ['last 8 weeks', 'últimas 8 semanas'],
  'landing.rowPrivacy': ['Consent is recorded', 'El consentimiento se registra'],
  'landing.rowAccess': ['Access is reviewed', 'Los accesos se revisan'],
  'landing.rowAudit': ['Audit trail is complete', 'El registro de auditoría es completo'],

  'about.title': ['About STATUS', 'Sobre STATUS'],
  'about.what': [
    'STATUS is a platform for the compliance management of business processes (BPCMS), made by researchers of the University of Seville.',
    'STATUS es una plataforma de gestión del cumplimiento en procesos de negocio (BPCMS), creada por investigadores de la Universidad de Sevilla.',
  ],
  'about.how': [
    'Catalogs hold controls; mashups in Node-RED compute them from evidence; agreements in the registry decide whether they are met; dashboards in Grafana show the course of it.',
    'Los catálogos contienen controles; los mashups de Node-RED los calculan a partir de evidencias; los acuerdos del registro deciden si se cumplen; los paneles de Grafana muestran su evolución.',
  ],
  'about.source': ['Source code', 'Código fuente'],

  'signIn.title': ['Sign in', 'Iniciar sesión'],
  'signIn.text': ['With the account that your administrator made for you.', 'Con la cuenta que te ha creado el administrador.'],
  'signIn.username': ['Username', 'Usuario'],
  'signIn.password': ['Password', 'Contraseña'],
  'signIn.unavailable': ['Signing in does not work at the moment. Please try again later.', 'Ahora mismo no se puede iniciar sesión. Inténtalo más tarde.'],
  'signIn.codeTitle': ['Enter your code', 'Introduce tu código'],
  'signIn.codeText': ['{name} is protected by a second factor. The code is in your authenticator app.', '{name} está protegido por un segundo factor. El código está en tu aplicación de autenticación.'],
  'signIn.code': ['6-digit code', 'Código de 6 dígitos'],
  'signIn.confirm': ['Confirm', 'Confirmar'],
} as const;
