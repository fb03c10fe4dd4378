import Foundation
import RefrainTestSupport
import Testing

/// A block of Swift in a text.
struct CodeBlock: CustomStringConvertible, Sendable {
  let file: String
  let line: Int
  let lines: [String]
  var description: String { "\(file):\(line)" }
}

extension Repository {
  /// The texts with code, as paths from the root.
  static let texts: [String] = {
    let folder = root.appendingPathComponent("Guides").path
    let guides = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    return ["README.md", "CONTRIBUTING.md"] + guides.filter { $0.hasSuffix(".md") }.sorted().map { "Guides/" + $0 }
  }()

  /// What is compared: the lines without the spaces around them, without empty lines and without imports.
  static func substance(_ lines: some Sequence<some StringProtocol>) -> [String] {
    lines.map { $0.trimmingCharacters(in: .whitespaces) }.filter { !$0.isEmpty && !$0.hasPrefix("import ") }
  }

  /// The Swift files of the package, each as its substance.
  static let sources: [[String]] = ["Sources", "Examples", "Tests/ExamplesTests"].flatMap { folder in
    let files = FileManager.default.enumerator(atPath: root.appendingPathComponent(folder).path)
    let paths = (files?.compactMap { $0 as? String } ?? []).filter { $0.hasSuffix(".swift") }
    return paths.map { substance(text(folder + "/" + $0).split(separator: "\n")) }
  }

  /// Where each line of the sources stands: the rest of a source from there.
  static let places: [String: [ArraySlice<String>]] = {
    var places: [String: [ArraySlice<String>]] = [:]
    for source in sources {
      for index in source.indices { places[source[index], default: []].append(source[index...]) }
    }
    return places
  }()

  /// The blocks that begin with ```swift.
  static let blocks: [CodeBlock] = texts.flatMap { path in
    var blocks: [CodeBlock] = []
    var current: (line: Int, lines: [String])?
    for (number, line) in text(path).split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
      if let block = current {
        if line.hasPrefix("```") {
          blocks.append(CodeBlock(file: path, line: block.line, lines: substance(block.lines)))
          current = nil
        } else {
          current?.lines.append(String(line))
        }
      } else if line == "```swift" {
        current = (number + 1, [])
      }
    }
    return blocks
  }

  /// The relative links of a text, without their anchors.
  static func links(_ path: String) -> [String] {
    text(path).components(separatedBy: "](").dropFirst().compactMap { part in
      let link = part.prefix { $0 != ")" && $0 != "#" }
      return link.isEmpty || link.contains("://") ? nil : String(link)
    }
  }
}

@Suite("The texts say what the code does")
struct DocumentationTests {
  @Test("Every Swift block stands word for word in code that is compiled", arguments: Repository.blocks)
  func block(_ block: CodeBlock) {
    let places = block.lines.first.flatMap { Repository.places[$0] } ?? []
    #expect(places.contains { $0.starts(with: block.lines) })
  }

  @Test("There are blocks to check in the README, in CONTRIBUTING and in every guide")
  func blocksAreFound() {
    #expect(Set(Repository.blocks.map(\.file)) == Set(Repository.texts))
    #expect(Repository.texts.count >= 6)
  }

  @Test("Every link leads to a file", arguments: Repository.texts)
  func links(_ path: String) {
    let folder = Repository.root.appendingPathComponent(path).deletingLastPathComponent()
    for link in Repository.links(path) {
      let target = folder.appendingPathComponent(link).standardizedFileURL.path
      #expect(FileManager.default.fileExists(atPath: target), "\(link)")
    }
  }
}
