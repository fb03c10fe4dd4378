// swift-tools-version: 6.2
import PackageDescription

/// REFRAIN_STRICT=1 turns every warning in our own targets into an error; CI builds with it. A release says of its code
/// which line it comes from, and no more: the rest of the debug information made the command a third larger.
let common: [SwiftSetting] =
  (Context.environment["REFRAIN_STRICT"] == nil ? [] : [.treatAllWarnings(as: .error)]) + [
    // (By the frontend's own flag: the package manager adds `-g` behind ours, which would win.)
    .unsafeFlags(["-Xfrontend", "-gline-tables-only"], .when(configuration: .release))
  ]

func withoutPasses(_ names: String...) -> [String] { names.flatMap { ["-Xllvm", "-sil-disable-pass=\($0)"] } }

/// What stands around the innermost loops is compiled without the passes that move loads, stores and counts of
/// references: they took a sixth of the time, and nothing that was measured runs slower without them.
let around: [SwiftSetting] =
  common + [
    .unsafeFlags(
      withoutPasses(
        "loop-invariant-code-motion", "redundant-load-elimination", "early-redundant-load-elimination",
        "dead-store-elimination", "release-hoisting", "late-release-hoisting", "arc-sequence-opts"))
  ]

/// What no time is spent in but the compiler's is compiled for size: a sixth less of it, in a seventh less time. (What
/// reads tables and prepares examples ran up to a twentieth slower.)
let aside: [SwiftSetting] = around + [.unsafeFlags(["-Osize"], .when(configuration: .release))]

/// What computes is optimized as a whole in debug builds too: a model trains, and the tests run, at full speed.
/// (Without inlining across files the kernels run sixteen times slower. More than one thread lets the compiler write an
/// object a file, as a debug build expects.)
let optimized: [SwiftSetting] = [
  .unsafeFlags(
    ["-O", "-whole-module-optimization", "-num-threads", "2", "-disable-batch-mode"], .when(configuration: .debug))
]

/// REFRAIN_COMMIT names the commit that a release is built from, for `refrain --version`; without it none is named, so
/// that a build from an archive is the same everywhere.
let commit: [SwiftSetting] =
  Context.environment["REFRAIN_COMMIT"].map { name in
    precondition(name.allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "_") }, "REFRAIN_COMMIT: \(name)")
    return [.unsafeFlags(["-Xcc", "-DREFRAIN_COMMIT=\(name)"])]
  } ?? []

/// What pkg-config knows MPI by: Debian's name for whichever is installed, Homebrew's for Open MPI.
#if os(macOS)
  let mpi = "ompi-c"
#else
  let mpi = "mpi-c"
#endif

/// One set of kernel sources, compiled once for each instruction set (the AVX targets are symbolic links to the first).
func kernels(
  _ name: String, define: String..., clangFlags: [String], dependencies: [Target.Dependency] = []
) -> Target {
  .target(
    name: name, dependencies: ["RefrainKernelTypes"] + dependencies,
    swiftSettings: common + optimized + define.map { .define($0) } + [
      .unsafeFlags(["-enforce-exclusivity=unchecked"] + (["-fno-math-errno"] + clangFlags).flatMap { ["-Xcc", $0] }),
      // The compiler asks of each load whether any of the thousand calls of intrinsic functions beside it might write
      // to it, and took half of its time for that. LLVM does the same afterwards, when these calls are instructions.
      .unsafeFlags(
        withoutPasses(
          "loop-invariant-code-motion", "redundant-load-elimination", "early-redundant-load-elimination")),
    ])
}

var targets: [Target] = [
  .target(name: "RefrainKernelTypes", swiftSettings: common + optimized),
  kernels("RefrainKernels", define: "BASELINE", clangFlags: []),
]
#if arch(x86_64)
  let avx512 = ["-mavx512f", "-mavx512vl", "-mavx512dq", "-mavx512bw", "-mfma", "-mbmi", "-mbmi2"]
  targets += [
    kernels("RefrainKernelsAVX2", define: "AVX2", clangFlags: ["-mavx2", "-mfma", "-mbmi", "-mbmi2"]),
    kernels("RefrainKernelsAVX512", define: "AVX512", clangFlags: avx512),
    // Symbolic links to the products of bytes alone, compiled with the instructions for them that not every processor
    // with AVX-512 has.
    kernels("RefrainKernelsVNNI", define: "AVX512", "VNNI", clangFlags: avx512 + ["-mavx512vnni"]),
    // The products of bfloat16, with links to what they share with those of bytes and of floats.
    kernels(
      "RefrainKernelsBFloat16", define: "AVX512", "BFLOAT16", clangFlags: avx512 + ["-mavx512bf16"],
      dependencies: ["CBFloat16"]),
  ]
#endif
let kernelTargets = targets.dropFirst().map { Target.Dependency(stringLiteral: $0.name) }

targets += [
  .systemLibrary(name: "CProcessor"),
  .systemLibrary(name: "CBFloat16"),
  .target(
    name: "Refrain",
    dependencies: kernelTargets + ["CProcessor", .product(name: "RealModule", package: "swift-numerics")],
    swiftSettings: common + optimized),
  // The C library and the part of Foundation that comes without data of internationalization.
  .target(name: "RefrainFoundation", swiftSettings: common),
  .target(
    name: "RefrainData", dependencies: ["Refrain", "RefrainFoundation", "CZlib"], swiftSettings: around + optimized),
  .target(
    name: "RefrainTasks", dependencies: ["Refrain", "RefrainData", "RefrainFoundation"],
    swiftSettings: around + optimized),
  .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"]), .brew(["zlib"])]),
  .systemLibrary(
    name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"]), .brew(["sqlite"])]),
  .systemLibrary(name: "CHDF5", pkgConfig: "hdf5", providers: [.apt(["libhdf5-dev"]), .brew(["hdf5"])]),
  .target(
    name: "RefrainFormats",
    dependencies: [
      "Refrain", "RefrainData", "RefrainFoundation", "CZlib",
      .target(name: "CHDF5", condition: .when(traits: ["HDF5"])),
    ],
    swiftSettings: aside + optimized),
  .target(
    name: "RefrainModels", dependencies: ["Refrain", "RefrainData", "RefrainTasks", "RefrainFormats"],
    swiftSettings: aside + optimized),
  // Apart from the tasks, so that only the command pays for SQLite.
  .target(
    name: "RefrainTuning",
    dependencies: [
      "Refrain", "RefrainData", "RefrainFoundation", "RefrainTasks", "CSQLite",
      .product(name: "RealModule", package: "swift-numerics"),
    ],
    swiftSettings: aside),
  // Apart from the tasks, so that only the command pays for HTTP.
  .target(
    name: "RefrainServer",
    dependencies: [
      "Refrain", "RefrainData", "RefrainFoundation", "RefrainTasks", "RefrainFormats", "RefrainModels",
      .product(name: "HummingbirdCore", package: "hummingbird"),
      .product(name: "HTTPTypes", package: "swift-http-types"),
      .product(name: "Logging", package: "swift-log"),
      .product(name: "NIOCore", package: "swift-nio"),
      .product(name: "NIOHTTP1", package: "swift-nio"),
      .product(name: "NIOHTTPTypes", package: "swift-nio-extras"),
      .product(name: "NIOHTTPTypesHTTP1", package: "swift-nio-extras"),
      .product(name: "NIOPosix", package: "swift-nio"),
      .product(name: "NIOWebSocket", package: "swift-nio"),
      .product(name: "ServiceLifecycle", package: "swift-service-lifecycle"),
    ],
    swiftSettings: around),
  // What a release says it was built from.
  .systemLibrary(name: "CCommit"),
  .systemLibrary(name: "CMPI", pkgConfig: mpi, providers: [.apt(["libopenmpi-dev"]), .brew(["open-mpi"])]),
  // Empty without its trait.
  .target(
    name: "RefrainMPI",
    dependencies: ["Refrain", "RefrainFoundation", .target(name: "CMPI", condition: .when(traits: ["MPI"]))],
    swiftSettings: common),
  .executableTarget(
    name: "RefrainCLI",
    dependencies: [
      "Refrain", "RefrainData", "RefrainFoundation", "RefrainTasks", "RefrainTuning", "RefrainFormats", "RefrainModels",
      "RefrainServer", "CCommit", .target(name: "RefrainMPI", condition: .when(traits: ["MPI"])),
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: aside + commit),
  // Not a part of the command: its folder Shared is a symbolic link to the command's.
  .executableTarget(
    name: "RefrainBenchmarks",
    dependencies: [
      "Refrain", "RefrainData", "RefrainFoundation",
      .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    path: "Benchmarks/RefrainBenchmarks", swiftSettings: common),
  // The tests' common part: fixtures, comparisons, damaged files. A test target, so that it may import Testing. It is
  // optimized, as it goes over every number of every tensor that is compared, and changes a million files.
  .testTarget(name: "RefrainTestSupport", dependencies: ["Refrain", "RefrainData"], swiftSettings: common + optimized),
  // Optimized, as what kernels are held against goes over every number, too.
  .testTarget(name: "RefrainKernelsTests", dependencies: kernelTargets, swiftSettings: common + optimized),
  .testTarget(
    name: "RefrainTests", dependencies: ["Refrain", "RefrainData", "RefrainTestSupport"], swiftSettings: common),
  .testTarget(name: "RefrainDataTests", dependencies: ["RefrainData", "RefrainTestSupport"], swiftSettings: common),
  .testTarget(
    name: "RefrainFormatsTests", dependencies: ["RefrainFormats", "RefrainTestSupport"], swiftSettings: common),
  .testTarget(name: "RefrainTasksTests", dependencies: ["RefrainTasks", "RefrainTestSupport"], swiftSettings: common),
  .testTarget(
    name: "RefrainTuningTests", dependencies: ["RefrainTuning", "RefrainTasks", "RefrainTestSupport"],
    swiftSettings: common),
  .testTarget(
    name: "RefrainModelsTests",
    dependencies: ["RefrainModels", "RefrainFormats", "RefrainTasks", "RefrainTestSupport"],
    swiftSettings: common),
  .testTarget(
    name: "RefrainServerTests",
    dependencies: [
      "RefrainServer", "RefrainModels", "RefrainTasks", "RefrainTestSupport",
      .product(name: "HTTPTypes", package: "swift-http-types"),
      .product(name: "Logging", package: "swift-log"),
    ],
    swiftSettings: common),
  .testTarget(
    name: "RefrainCLITests",
    dependencies: [
      "Refrain", "RefrainCLI", "RefrainBenchmarks", "RefrainData", "RefrainTasks", "RefrainTuning", "RefrainFormats",
      "RefrainModels", "RefrainTestSupport", .product(name: "ArgumentParser", package: "swift-argument-parser"),
    ],
    swiftSettings: common),
]

/// The example programs, each a folder of its name in Examples/. The tests run their functions and check the results.
let examples = [
  "EveryStepClassifier", "StackedRegressor", "SeriesWindows", "SequenceClassifier", "ExplicitLoop", "FromScratch",
  "WordLanguageModel", "Odyssey", "SlotTagger", "AnomalyBenchmark", "PretrainedForecaster",
  "MovingDigits", "ImageRows", "VoiceActivity", "ReviewClassifier", "NumberTranslator", "ToneTranscriber",
  "ClipCaptioner", "HeadlineWriter",
]
targets += examples.map { name in
  .executableTarget(
    name: name,
    dependencies: [
      "Refrain", "RefrainData", "RefrainTasks", "RefrainModels",
      .product(name: "RealModule", package: "swift-numerics"),
    ],
    path: "Examples/\(name)", swiftSettings: common)
}
// Forecasts of any files from several origins, beside what costs nothing (Guides/Forecasting.md).
targets.append(
  .executableTarget(
    name: "ForecastTrials", dependencies: ["Refrain", "RefrainData", "RefrainTasks"],
    path: "Benchmarks/ForecastTrials", swiftSettings: common))
targets.append(
  .testTarget(
    name: "ExamplesTests",
    dependencies: examples.map { .init(stringLiteral: $0) } + [
      "Refrain", "RefrainData", "RefrainFormats", "RefrainTasks", "RefrainModels", "RefrainTestSupport",
    ],
    swiftSettings: common))

var products: [Product] = [
  .library(name: "Refrain", targets: ["Refrain"]),
  .library(name: "RefrainData", targets: ["RefrainData"]),
  .library(name: "RefrainFormats", targets: ["RefrainFormats"]),
  .library(name: "RefrainTasks", targets: ["RefrainTasks"]),
  .library(name: "RefrainTuning", targets: ["RefrainTuning"]),
  .library(name: "RefrainModels", targets: ["RefrainModels"]),
  .library(name: "RefrainServer", targets: ["RefrainServer"]),
  .library(name: "RefrainMPI", targets: ["RefrainMPI"]),
  .executable(name: "refrain", targets: ["RefrainCLI"]),
  .executable(name: "refrain-benchmark", targets: ["RefrainBenchmarks"]),
]

/// REFRAIN_ONLY=RefrainFormatsTests leaves that target and what it depends on: for tests of a trait, which would have
/// everything else compiled anew.
if let only = Context.environment["REFRAIN_ONLY"] {
  var wanted: Set = [only]
  var news = wanted
  while !news.isEmpty {
    let dependencies = targets.filter { news.contains($0.name) }.flatMap(\.dependencies)
    let names = dependencies.compactMap { dependency -> String? in
      switch dependency {
      case .targetItem(let name, _), .byNameItem(let name, _): name
      default: nil
      }
    }
    news = Set(names).subtracting(wanted)
    wanted.formUnion(news)
  }
  precondition(targets.contains { $0.name == only }, "REFRAIN_ONLY: there is no target \(only)")
  targets.removeAll { !wanted.contains($0.name) }
  products = []
}

let package = Package(
  name: "refrain",
  platforms: [.macOS("26.0")],
  products: products,
  traits: [
    .trait(name: "HDF5", description: "Reads HDF5 files of forms other than Keras' own, through libhdf5."),
    .trait(name: "MPI", description: "Trains on several processes and machines through Open MPI or MPICH."),
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
    .package(url: "https://github.com/apple/swift-numerics", from: "1.1.1"),
    // `refrain serve`. Without its traits: what reads configuration is not needed, and two traits come to the compiler
    // in an order that differs from build to build, so that the server would be compiled anew half of the time.
    .package(url: "https://github.com/hummingbird-project/hummingbird", from: "2.28.1", traits: []),
    .package(url: "https://github.com/apple/swift-http-types", from: "1.8.0"),
    .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
    .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
    .package(url: "https://github.com/apple/swift-nio-extras", from: "1.35.2"),
    .package(url: "https://github.com/swift-server/swift-service-lifecycle", from: "2.13.0"),
    // `swift package generate-documentation`; nothing is linked with it.
    .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
  ],
  targets: targets,
  swiftLanguageModes: [.v6]
)
