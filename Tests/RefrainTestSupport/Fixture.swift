import Foundation
import Refrain
import RefrainData
import Testing

/// The path of a file below `Tests/Fixtures`.
public func fixturePath(_ name: String) -> String { Repository.path("Tests/Fixtures/" + name) }

/// The bytes of a file below `Tests/Fixtures`.
public func fixture(_ name: String) throws -> [UInt8] {
  Array(try Data(contentsOf: URL(filePath: fixturePath(name))))
}

/// The tensors of one file in `Tests/Fixtures`, by name. `Tests/Fixtures/README.md` lists the names and says how the
/// numbers were made.
public struct Fixture: Sendable {
  private let file: String
  private let prefix: String
  private let tensors: [String: Tensor]

  /// Reads `Tests/Fixtures/<name>.safetensors`.
  public init(_ name: String) throws {
    let contents = try SafeTensorsFile(contentsOf: fixturePath(name + ".safetensors"))
    file = name
    prefix = ""
    tensors = Dictionary(
      uniqueKeysWithValues: contents.tensors.map { ($0.name, Tensor($0.values, shape: $0.shape)) })
  }

  private init(_ other: Fixture, prefix: String) {
    file = other.file
    tensors = other.tensors
    self.prefix = prefix
  }

  /// The tensors whose names begin with `name` and a dot.
  public func under(_ name: String) -> Fixture { Fixture(self, prefix: prefix + name + ".") }

  /// The tensor of this name, which must be there.
  public func callAsFunction(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> Tensor {
    try #require(
      tensors[prefix + name], "\(file).safetensors has no tensor '\(prefix)\(name)'", sourceLocation: sourceLocation)
  }

  /// The tensor of this name as whole numbers: lengths, classes, indices.
  public func integers(_ name: String, sourceLocation: SourceLocation = #_sourceLocation) throws -> [Int] {
    try self(name, sourceLocation: sourceLocation).values.map { Int($0) }
  }

  /// Whether there is a tensor of this name.
  public func has(_ name: String) -> Bool { tensors[prefix + name] != nil }

  /// The names, without the prefix, in alphabetical order.
  public var names: [String] {
    tensors.keys.filter { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }.sorted()
  }
}

extension TensorGroup {
  /// The group with every tensor replaced by the fixture's of the same name, which must have the same shape.
  public func filled(
    from fixture: Fixture, naming rename: (String) -> String = { $0 },
    sourceLocation: SourceLocation = #_sourceLocation
  ) throws -> Self {
    var copy = self
    try copy.forEachTensor { (name: String, tensor: inout Tensor) throws in
      // What has no values is a part that this variant has not.
      if tensor.count == 0, !fixture.has(rename(name)) { return }
      let found = try fixture(rename(name), sourceLocation: sourceLocation)
      try #require(found.shape == tensor.shape, "the shape of '\(name)'", sourceLocation: sourceLocation)
      tensor = found
    }
    return copy
  }
}
