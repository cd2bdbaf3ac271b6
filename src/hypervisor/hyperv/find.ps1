function Get-OurVM {
  Get-VM | Where-Object { $_.Name -eq $vm.name -and $_.HardDrives.Path -contains $vm.disk }
}
function Remove-OurVM {
  Get-OurVM | ForEach-Object {
    if ($_.State -ne 'Off') { Stop-VM -VM $_ -TurnOff -Force }
    Remove-VM -VM $_ -Force
  }
}
