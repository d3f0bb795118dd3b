#!/bin/sh
# Lays out in FOLDER a .NET runtime out of NuGet, so that a program built for an older one runs on it:
# env -i DOTNET_ROOT=FOLDER DOTNET_ROLL_FORWARD=LatestMajor PROGRAM; its createdump is in the folder that is printed, its
# reference assemblies are in FOLDER/ref.
# usage: get-runtime.sh VERSION FOLDER [RID]
set -eu
version=$1
folder=$2
rid=${3:-linux-x64}
mkdir -p "$folder/get"
cat >"$folder/get/get.csproj" <<XML
<Project Sdk="Microsoft.NET.Sdk">
  <PropertyGroup>
    <TargetFramework>net10.0</TargetFramework>
    <RestorePackagesPath>$folder/get/packages</RestorePackagesPath>
    <DisableImplicitFrameworkReferences>true</DisableImplicitFrameworkReferences>
  </PropertyGroup>
  <ItemGroup>
    <PackageDownload Include="Microsoft.NETCore.App.Runtime.$rid" Version="[$version]" />
    <PackageDownload Include="Microsoft.NETCore.App.Ref" Version="[$version]" />
  </ItemGroup>
</Project>
XML
dotnet restore "$folder/get/get.csproj" >/dev/null
pack=$folder/get/packages/microsoft.netcore.app.runtime.$rid/$version/runtimes/$rid
runtime=$folder/shared/Microsoft.NETCore.App/$version
mkdir -p "$folder/host/fxr/$version" "$runtime"
cp "$pack"/lib/net*/* "$pack"/native/* "$runtime/"
cp "$pack/native/libhostfxr.so" "$folder/host/fxr/$version/"
cp -r "$folder/get/packages/microsoft.netcore.app.ref/$version"/ref/net* "$folder/ref"
chmod +x "$runtime/createdump"
rm -rf "$folder/get"
echo "$runtime"
