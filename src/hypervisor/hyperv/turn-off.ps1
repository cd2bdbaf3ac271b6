Get-VM | Where-Object { $_.Name -eq $vm.name -and $_.HardDrives.Path -contains $vm.disk } | Stop-VM -TurnOff -Force
