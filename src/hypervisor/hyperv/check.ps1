$me = [Security.Principal.WindowsPrincipal][Security.Principal.WindowsIdentity]::GetCurrent()
$admin = $me.IsInRole([Security.Principal.WindowsBuiltInRole]::Administrator)
# The group Hyper-V Administrators. Its name is in the language of this Windows.
$member = $me.IsInRole([Security.Principal.SecurityIdentifier]'S-1-5-32-578')
$module = [bool](Get-Command New-VM -ErrorAction SilentlyContinue)
$service = Get-Service vmms -ErrorAction SilentlyContinue
@{
  installed = $module
  running = [bool]($service -and $service.Status -eq 'Running')
  allowed = $admin -or $member
} | ConvertTo-Json -Compress
