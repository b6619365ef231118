# NixOS writes its Caddyfile to the store; what is imported lies outside of it.
{ config, ... }:
{
  services.caddy = {
    enable = true;
    globalConfig = ''
      admin @@ADMIN@@
      http_port @@HTTP@@
      https_port @@HTTPS@@
      local_certs
      skip_install_trust
    '';
    extraConfig = ''
      import {$IMMICH_SITE:@@SITES@@/*.caddy}
    '';
    virtualHosts."notes.example.org".extraConfig = ''
      respond notes
    '';
  };
  systemd.tmpfiles.rules = [ "d /var/lib/immich-site 2750 deploy caddy -" ];
}
