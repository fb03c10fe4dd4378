import RefrainData
import Testing

@testable import RefrainFormats

/// Every case of a file, in one test: they are hundreds.
private func expectAll(_ file: String, atLeast count: Int, sourceLocation: SourceLocation = #_sourceLocation) throws {
  let cases = try ONNXCase.load(file)
  #expect(cases.count >= count, sourceLocation: sourceLocation)
  let faults = cases.compactMap { item in item.fault().map { "\(item.name): \($0)" } }
  #expect(
    faults.isEmpty, "\(faults.count) of \(cases.count):\n\(faults.joined(separator: "\n"))",
    sourceLocation: sourceLocation)
}

@Suite struct `ONNX operators` {
  @Test func `compute what ONNX says of a single node`() throws { try expectAll("nodes", atLeast: 700) }

  @Test func `compute the forms of older operator sets as ONNX Runtime does`() throws {
    try expectAll("old", atLeast: 32)
  }

  @Test func `compute ONNX's own tests of recurrent layers`() throws { try expectAll("nodes_recurrent", atLeast: 18) }

  @Test func `compute ONNX's own tests of loops`() throws { try expectAll("nodes_scan", atLeast: 3) }

  @Test func `compute loops of every form as ONNX Runtime does`() throws { try expectAll("scan", atLeast: 22) }

  @Test func `compute ONNX's own tests of bodies, of numbers of few bits and of what goes with them`() throws {
    try expectAll("nodes_more", atLeast: 56)
  }

  @Test func `compute branches, loops, transposed convolutions and few bits as ONNX Runtime does`() throws {
    try expectAll("flow", atLeast: 39)
  }

  @Test func `compute what Refrain exports as ONNX Runtime does`() throws { try expectAll("exports", atLeast: 20) }

  @Test func `compute recurrent layers under every attribute as ONNX Runtime does`() throws {
    try expectAll("recurrent", atLeast: 80)
  }
}
