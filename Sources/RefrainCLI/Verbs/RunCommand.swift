import ArgumentParser
import RefrainData
import RefrainFormats
import RefrainFoundation
import RefrainModels

/// `refrain run`: a model of any format on arrays.
struct RunCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "run",
    abstract: "Run a model on arrays.",
    discussion: """
      Each input is an array of NumPy under the name that the model has for it ('refrain info MODEL' lists them). A model of a \
      single input needs no name. An .npz file gives several inputs at once.

      Examples:

        refrain run speech.onnx --input features=x.npy --output results
        refrain run model.safetensors --input x.npy --input lengths=n.npy --output results --format json
        refrain run model.pt --input x.npy --expect y.npy

      Exit status: 0 when all is well, 64 for flags that make no sense, \
      \(CommandFailure.fileStatuses). An input that does not fit, or an output that is not what is expected, is 65.
      """)

  @Argument(help: "The model.", completion: .file())
  var model: String

  @Option(
    help: ArgumentHelp("An input: its name and a file of NumPy.", valueName: "name=file"), completion: .file())
  var input: [String]

  @Option(help: ArgumentHelp("The folder for the outputs; made if it is not there.", valueName: "folder"))
  var output: String?

  @OptionGroup(title: "Proof") var proof: ProofOptions

  @Option(
    help: ArgumentHelp("A file for each output, as .npy or .json, or one .npz.", valueName: "format"))
  var format = ArrayFormat.npy

  @OptionGroup(title: "Weights without a model") var state: StateOptions

  @OptionGroup var memory: MemoryOptions

  @Flag(help: "Print no names of files, and no notes.")
  var quiet = false

  func validate() throws {
    guard output != nil || !proof.expect.isEmpty else {
      throw ValidationError("Missing --output <folder>, or --expect <name=file> to compare with.")
    }
  }

  func run() throws {
    do { try memory.run(runModel) } catch let error as DataError { throw CommandFailure(error) }
  }

  private func runModel() throws {
    let loaded = try LoadedModel(contentsOf: model, assuming: state.assumptions)
    if !quiet { StateOptions.show(loaded.openQuestions) }
    let runnable = try loaded.runnable()
    let outputs: [String: NumericArray]
    do throws(DataError) {
      let needed = runnable.inputs.filter { !$0.isOptional }.map(\.name)
      outputs = try runnable.run(ArrayOptions.arrays(input, names: needed, kind: "input", flag: "--input"))
    } catch {
      throw error.inFile(error.code == .wrongInput ? model : nil)
    }
    if let output {
      try write(runnable.outputs.compactMap { port in outputs[port.name].map { (port.name, $0) } }, to: output)
    }
    if !proof.expect.isEmpty {
      let comparison = try OutputComparison(outputs, expected: proof.expected(of: runnable))
      try proof.check(comparison)
      try StandardOutput.write(
        "greatest difference \(comparison.difference) in \(comparison.count) numbers from what is expected\n")
    }
  }

  private func write(_ outputs: [(name: String, array: NumericArray)], to output: String) throws(DataError) {
    for (name, bytes) in try files(outputs) {
      try makeFolder(output)
      let path = output + "/" + name
      try writeAtomically(bytes, to: path)
      if !quiet { StandardError.write(line: path.sanitized) }
    }
  }

  /// The files to write, by name.
  private func files(_ outputs: [(name: String, array: NumericArray)]) throws(DataError) -> [(String, [UInt8])] {
    if format == .npz { return [("outputs.npz", try NumPyArchive.bytes(of: outputs.map { ($0.name, $0.array) }))] }
    var names: Set<String> = []
    return try outputs.enumerated().map { (index, output) throws(DataError) in
      // A name in a model may be any text; a file's name may not lead out of the folder.
      let plain = output.name.map { $0.isLetter || $0.isNumber || "-_.".contains($0) ? $0 : "_" }
      var name = String(plain.prefix(100))
      if name.isEmpty || name.hasPrefix(".") || !names.insert(name).inserted { name = "output-\(index)" }
      return (name + "." + format.rawValue, try bytes(of: output.array))
    }
  }

  private func bytes(of array: NumericArray) throws(DataError) -> [UInt8] {
    guard format == .json else { return try array.npy() }
    let values: [JSON] =
      switch array.values {
      // The shortest digits of a Float, not those of the Double it widens to.
      case .floats(let values): values.map { .number(Double("\($0)") ?? .nan) }
      case .integers(let values): values.map { .integer($0) }
      case .booleans(let values): values.map { .integer($0 ? 1 : 0) }
      }
    let json: JSON = [
      "type": .text(array.type.rawValue), "shape": .array(array.shape.map { .integer($0) }), "values": .array(values),
    ]
    return Array((json.text() + "\n").utf8)
  }

  private func makeFolder(_ output: String) throws(DataError) {
    if mkdir(output, 0o777) == 0 || errno == EEXIST { return }
    throw DataError(
      .missingFolder, file: output, "the folder cannot be made: \(String(cString: strerror(errno)))",
      remedy: "make it, or name another")
  }
}

/// The forms in which arrays are written.
enum ArrayFormat: String, CaseIterable, ExpressibleByArgument {
  case npy, npz, json
}
