function Send-Event($event) {
  [Console]::Out.WriteLine(($event | ConvertTo-Json -Compress))
  [Console]::Out.Flush()
}
# The VM of a supervisor that was killed.
Remove-OurVM
# The Default Switch. Its ID is fixed, while its name is in the language of this Windows.
$switch = Get-VMSwitch -Id 'c08cb7b8-9b3c-408e-8e30-5e16a3aeb444'
$made = New-VM -Name $vm.name -Generation 2 -MemoryStartupBytes ([int64]$vm.memory) -VHDPath $vm.disk -SwitchName $switch.Name
try {
  Set-VMMemory -VM $made -DynamicMemoryEnabled $false
  Set-VMProcessor -VM $made -Count ([int]$vm.cpus)
  Set-VMFirmware -VM $made -EnableSecureBoot Off
  Set-VM -VM $made -AutomaticCheckpointsEnabled $false -CheckpointType Disabled -AutomaticStartAction Nothing -AutomaticStopAction ShutDown
  Set-VMComPort -VM $made -Number 1 -Path $vm.console
  Start-VM -VM $made
  Send-Event @{ event = 'started'; id = "$($made.Id)" }
  $last = ''
  while ((Get-VM -Id $made.Id).State -ne 'Off') {
    $adapter = Get-VMNetworkAdapter -VM $made | Select-Object -First 1
    $addresses = @($adapter.IPAddresses)
    if (-not $addresses) {
      # A guest without hv_kvp_daemon reports no address, but Windows knows its neighbors.
      $mac = ($adapter.MacAddress -replace '(..)(?!$)', '$1-')
      $neighbors = Get-NetNeighbor -AddressFamily IPv4 -ErrorAction SilentlyContinue
      $addresses = @($neighbors | Where-Object { $_.LinkLayerAddress -eq $mac -and $_.State -ne 'Unreachable' } | ForEach-Object { $_.IPAddress })
    }
    $address = $addresses | Where-Object { $_ -match '^\d+\.\d+\.\d+\.\d+$' } | Select-Object -First 1
    if ($address -and $address -ne $last) {
      $last = $address
      Send-Event @{ event = 'address'; address = "$address" }
    }
    Start-Sleep -Milliseconds 500
  }
} finally {
  Remove-OurVM
}
