/* Every function the addon exports; native/binding.ts has their types.  */
#pragma once

#include "args.h"

#define ADDON_FUNCTIONS(_)                                                                         \
  _ (close)                                                                                        \
  _ (duplicate)                                                                                    \
  _ (open)                                                                                         \
  _ (socketPair)                                                                                   \
  _ (pipe)                                                                                         \
  _ (memfd)                                                                                        \
  _ (lock)                                                                                         \
  _ (syncFs)                                                                                       \
  _ (watch)                                                                                        \
  _ (unwatch)                                                                                      \
  _ (spawn)                                                                                        \
  _ (spawnLater)                                                                                   \
  _ (pidfdOpen)                                                                                    \
  _ (pidfdSignal)                                                                                  \
  _ (coreCookie)                                                                                   \
  _ (pidfdReap)                                                                                    \
  _ (createNetns)                                                                                  \
  _ (nameNetns)                                                                                    \
  _ (openNetns)                                                                                    \
  _ (removeNetns)                                                                                  \
  _ (openSocket)                                                                                   \
  _ (socketPort)                                                                                   \
  _ (writeSysctl)                                                                                  \
  _ (readSysctl)                                                                                   \
  _ (netlink)                                                                                      \
  _ (netlinkSync)                                                                                  \
  _ (mount)                                                                                        \
  _ (unmount)                                                                                      \
  _ (mountLater)                                                                                   \
  _ (createUserNamespace)                                                                          \
  _ (reachOfOwners)                                                                                \
  _ (overlayView)                                                                                  \
  _ (openOverlayView)                                                                              \
  _ (openAt)                                                                                       \
  _ (mkdirAt)                                                                                      \
  _ (symlinkAt)                                                                                    \
  _ (linkAt)                                                                                       \
  _ (mknodAt)                                                                                      \
  _ (unlinkAt)                                                                                     \
  _ (renameAt)                                                                                     \
  _ (readlinkAt)                                                                                   \
  _ (statAt)                                                                                       \
  _ (readDirectory)                                                                                \
  _ (chownAt)                                                                                      \
  _ (chmodAt)                                                                                      \
  _ (utimesAt)                                                                                     \
  _ (setXattrAt)                                                                                   \
  _ (getXattrsAt)                                                                                  \
  _ (removeTree)                                                                                   \
  _ (labelTree)                                                                                    \
  _ (copyTree)                                                                                     \
  _ (openContainerRoot)                                                                            \
  _ (isReadonly)                                                                                   \
  _ (closeLater)                                                                                   \
  _ (diskUsage)                                                                                    \
  _ (connectUnix)                                                                                  \
  _ (connectUnixDatagram)                                                                          \
  _ (listenUnix)                                                                                   \
  _ (send)                                                                                         \
  _ (receive)                                                                                      \
  _ (loadDeviceProgram)                                                                            \
  _ (attachDeviceProgram)

#define DECLARE(name) napi_value addon_##name (napi_env env, napi_callback_info info);
ADDON_FUNCTIONS (DECLARE)
#undef DECLARE
