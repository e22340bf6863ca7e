// Written by reeve before every start; change config/node-red/settings.js beside services.toml instead.
module.exports = {
    uiHost: ${self.host | json},
    uiPort: ${self.port},

    userDir: ${self.volume.data | json},
    nodesDir: ${self.volume.data | json} + "/nodes",
    flowFile: "flows.json",
    flowFilePretty: true,
    // Credentials in the flows are encrypted with this.
    credentialSecret: ${secret.nodered_credential_secret | json},

    // An HTTP-in node with the URL /bpi is served at /api/v1/bpi.
    httpNodeRoot: "/api/v1",
    requireHttps: false,
    adminAuth: {
        type: "credentials",
        users: [
            {
                username: ${self.env.NODE_RED_ADMIN | json},
                password: ${secret.nodered_password_hash | json},
                permissions: "*",
            },
            {
                username: ${self.env.NODE_RED_DEVELOPER | json},
                password: ${secret.nodered_developer_password_hash | json},
                permissions: "*",
            },
        ],
    },
    httpNodeAuth: {
        user: ${self.env.NODE_RED_ADMIN | json},
        pass: ${secret.nodered_password_hash | json},
    },

    diagnostics: { enabled: true, ui: true },
    runtimeState: { enabled: false, ui: false },
    telemetry: { enabled: false, updateNotification: false },
    logging: { console: { level: "info", metrics: false, audit: false } },

    contextStorage: { default: { module: "memory" }, file: { module: "localfilesystem" } },
    exportGlobalContextKeys: false,
    externalModules: { autoInstall: false },
    editorTheme: {
        tours: false,
        projects: { enabled: false, workflow: { mode: "manual" } },
        codeEditor: { lib: "monaco" },
    },

    functionExternalModules: true,
    functionTimeout: 0,
    functionGlobalContext: {},
    debugMaxLength: 1000,
    mqttReconnectTime: 15000,
    serialReconnectTime: 15000,
};
