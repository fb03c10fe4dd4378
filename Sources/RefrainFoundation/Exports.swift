// What every module above the library takes from outside it: the C library, and of Foundation what comes without the
// data of internationalization, which would be most of a static build. (Apple's systems have all of Foundation anyway.)

#if canImport(FoundationEssentials)
  @_exported import FoundationEssentials
#else
  @_exported import Foundation
#endif
#if canImport(Glibc)
  @_exported import Glibc
#elseif canImport(Musl)
  @_exported import Musl
#elseif canImport(Darwin)
  @_exported import Darwin
#endif
