{
  description = "reeve runs a whole stack of services as native child processes";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-unstable";

  outputs =
    { self, nixpkgs }:
    let
      inherit (nixpkgs) lib;
      systems = [ "x86_64-linux" "aarch64-linux" ];
      forAll = lib.genAttrs systems;

      # MongoDB is the one unfree part; nothing else is let in by this.
      pkgsFor = system: import nixpkgs {
        inherit system;
        config.allowUnfreePredicate = package: builtins.elem (lib.getName package) [ "mongodb-ce" ];
      };

      manifest = (builtins.fromTOML (builtins.readFile ./Cargo.toml)).package;

      # Part name in services.toml -> its package. Passed as REEVE_PART_<NAME>, which comes before every other place
      # where a part is looked for, so that nothing is ever fetched.
      partsOf = pkgs: {
        postgresql = pkgs.postgresql_17;
        postgresql-client = pkgs.postgresql_17;
        dragonfly = pkgs.dragonflydb;
        mongodb = pkgs.mongodb-ce;
        grafana = pkgs.grafana;
        node-red = pkgs.node-red;
        nodejs = pkgs.nodejs_22;
      };
      variable = name: "REEVE_PART_" + builtins.replaceStrings [ "-" ] [ "_" ] (lib.toUpper name);
      partsEnvironment = pkgs: lib.mapAttrs' (name: package: lib.nameValuePair (variable name) "${package}") (partsOf pkgs);

      # The built application, which becomes part of the binary.
      webOf = pkgs: pkgs.buildNpmPackage {
        pname = "reeve-web";
        version = manifest.version;
        src = lib.cleanSource ./web;
        npmDeps = pkgs.importNpmLock { npmRoot = ./web; };
        npmConfigHook = pkgs.importNpmLock.npmConfigHook;
        installPhase = "cp -r dist $out";
      };

      packageOf = pkgs: pkgs.rustPlatform.buildRustPackage {
        pname = manifest.name;
        version = manifest.version;
        src = lib.cleanSource ./.;
        cargoLock.lockFile = ./Cargo.lock;
        env.REEVE_EMBED_WEB = "1";
        preBuild = "rm -rf web/dist && cp -r --no-preserve=mode ${webOf pkgs} web/dist";
        # The integration tests bring their own parts from package registries, which a build has no access to.
        cargoTestFlags = [ "--lib" ];
        postInstall = ''
          install -Dm644 systemd/reeve.sysusers $out/lib/sysusers.d/reeve.conf
          install -Dm644 systemd/reeve.tmpfiles $out/lib/tmpfiles.d/reeve.conf
          mkdir -p $out/share/reeve
          cp -r services.toml config $out/share/reeve/
        '';
        meta = {
          description = manifest.description;
          homepage = manifest.repository;
          license = lib.licenses.asl20;
          mainProgram = "reeve";
          platforms = systems;
        };
      };

      # `nix run` is `reeve up` on the shipped stack with its data in ./.reeve; arguments replace `up`.
      runnerOf = pkgs: package: pkgs.writeShellApplication {
        name = "reeve-stack";
        text = ''
          ${lib.concatStringsSep "\n" (lib.mapAttrsToList (name: value: "export ${name}=${lib.escapeShellArg value}") (partsEnvironment pkgs))}
          if [ "$#" -eq 0 ]; then set -- up; fi
          if [ -f services.toml ]; then exec ${package}/bin/reeve "$@"; fi
          command=$1
          shift
          exec ${package}/bin/reeve "$command" --file ${package}/share/reeve/services.toml --data-dir "$PWD/.reeve" "$@"
        '';
      };
    in
    {
      packages = forAll (system: let pkgs = pkgsFor system; in rec {
        reeve = packageOf pkgs;
        stack = runnerOf pkgs reeve;
        default = reeve;
      });

      apps = forAll (system: rec {
        stack = {
          type = "app";
          program = "${self.packages.${system}.stack}/bin/reeve-stack";
          meta.description = "Start the stack in services.toml with every part from nixpkgs";
        };
        default = stack;
      });

      devShells = forAll (system: let pkgs = pkgsFor system; in {
        default = pkgs.mkShell {
          packages = [ pkgs.cargo pkgs.rustc pkgs.clippy pkgs.rustfmt pkgs.cargo-nextest pkgs.cargo-deny pkgs.just pkgs.nodejs_22 ];
          env = partsEnvironment pkgs;
        };
      });

      checks = forAll (system: {
        package = self.packages.${system}.reeve;
        stack = self.packages.${system}.stack;
      });

      overlays.default = final: _: { reeve = packageOf final; };

      nixosModules.default = { config, pkgs, lib, ... }:
        let
          cfg = config.services.reeve;
          toml = pkgs.formats.toml { };
          file = if cfg.file != null then cfg.file else toml.generate "services.toml" cfg.settings;
        in
        {
          options.services.reeve = {
            enable = lib.mkEnableOption "reeve, a supervisor for a stack of services";
            package = lib.mkOption {
              type = lib.types.package;
              default = self.packages.${pkgs.stdenv.hostPlatform.system}.reeve;
              description = "The package that provides reeve.";
            };
            settings = lib.mkOption {
              type = toml.type;
              default = { };
              description = "The stack, as the contents of services.toml.";
            };
            file = lib.mkOption {
              type = lib.types.nullOr lib.types.path;
              default = if cfg.settings == { } then "${cfg.package}/share/reeve/services.toml" else null;
              defaultText = lib.literalMD "the STATUS stack, unless `settings` is given";
              description = "A services.toml to use as it is.";
            };
            dataDir = lib.mkOption {
              type = lib.types.path;
              default = "/var/lib/reeve";
              description = "Where volumes, logs and state are kept.";
            };
            parts = lib.mkOption {
              type = lib.types.attrsOf lib.types.package;
              default = partsOf pkgs;
              defaultText = lib.literalMD "every part of the STATUS stack, from nixpkgs";
              description = "Packages that serve as parts, by the part's name.";
            };
            ports = lib.mkOption {
              type = lib.types.listOf lib.types.port;
              default = [ 3000 ];
              description = "Ports that `openFirewall` opens.";
            };
            openFirewall = lib.mkOption {
              type = lib.types.bool;
              default = false;
              description = "Open `ports` in the firewall.";
            };
          };

          config = lib.mkIf cfg.enable {
            users.users.reeve = { isSystemUser = true; group = "reeve"; home = cfg.dataDir; };
            users.groups.reeve = { };
            systemd.tmpfiles.rules = [ "d ${cfg.dataDir} 0711 root root -" ];
            networking.firewall.allowedTCPPorts = lib.mkIf cfg.openFirewall cfg.ports;
            systemd.services.reeve = {
              description = "reeve, supervisor of the services in ${file}";
              wantedBy = [ "multi-user.target" ];
              wants = [ "network-online.target" ];
              after = [ "network-online.target" ];
              environment = lib.mapAttrs' (name: package: lib.nameValuePair (variable name) "${package}") cfg.parts;
              # As in systemd/reeve.service, which says why for each.
              serviceConfig = {
                Type = "notify";
                NotifyAccess = "main";
                TimeoutStartSec = "15min";
                WatchdogSec = 30;
                ExecStart = "${cfg.package}/bin/reeve up --file ${file} --data-dir ${cfg.dataDir}";
                ExecReload = "${pkgs.coreutils}/bin/kill -HUP $MAINPID";
                Restart = "on-failure";
                RestartSec = 2;
                RestartPreventExitStatus = "2 5 8";
                SuccessExitStatus = "130 143";
                KillMode = "mixed";
                TimeoutStopSec = 200;
                Delegate = true;
                OOMPolicy = "continue";
                RuntimeDirectory = "reeve";
                RuntimeDirectoryPreserve = "restart";
                LimitNOFILE = "65536:524288";
                NoNewPrivileges = true;
                ProtectSystem = "strict";
                ReadWritePaths = [ cfg.dataDir ];
                ProtectHome = true;
                PrivateTmp = true;
                PrivateDevices = true;
                ProtectKernelModules = true;
                ProtectKernelTunables = true;
                RestrictRealtime = true;
                RestrictSUIDSGID = true;
                LockPersonality = true;
                SystemCallArchitectures = "native";
                CapabilityBoundingSet = "CAP_SETUID CAP_SETGID CAP_KILL CAP_CHOWN CAP_FOWNER CAP_DAC_OVERRIDE CAP_SYS_RESOURCE CAP_NET_BIND_SERVICE CAP_SYS_PTRACE CAP_SYS_NICE";
              };
            };
          };
        };
    };
}
