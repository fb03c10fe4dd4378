import RefrainData
import RefrainFoundation

/// Files beside a model that hold the values of its large tensors. Only a plain file in the model's own folder is read:
/// no path, and no link that could lead elsewhere.
final class ONNXExternalData {
  /// The folder of the model.
  private let folder: String
  /// How many bytes were taken of each file: tensors that all lie over each other would be memory without end.
  private var taken: [String: Int] = [:]

  init(folder: String) { self.folder = folder }

  /// The bytes of a tensor of `count` elements of a type. What the tensor takes is held against the memory budget once
  /// the file is known to have as much.
  static func read(
    _ proto: ONNXMessage.Tensor, _ title: String, from external: ONNXExternalData?, count: Int, _ type: ElementType
  ) throws(DataError) -> ArraySlice<UInt8> {
    guard let external else {
      throw DataError(
        .unsupportedContent, "\(title) has its values in another file",
        remedy: "read the model from its path, or export it in one file")
    }
    var fields: [String: String] = [:]
    for entry in proto.externalData { fields[entry.key] = entry.value }
    func number(_ key: String) throws(DataError) -> Int? {
      guard let text = fields[key] else { return nil }
      guard let value = Int(text), value >= 0 else {
        throw DataError(.damagedFile, "\(title) has the \(key) \(text.quoted) in another file")
      }
      return value
    }
    let wanted = count.multipliedReportingOverflow(by: type.size)
    let length = try number("length") ?? wanted.partialValue
    guard let location = fields["location"], !wanted.overflow, length == wanted.partialValue else {
      throw DataError(.damagedFile, "\(title) does not say where its values lie, or has too many or too few there")
    }
    return try external.bytes(
      of: location, at: try number("offset") ?? 0, count: length, taking: count * type.sizeInMemory, title)
  }

  private func bytes(
    of location: String, at offset: Int, count: Int, taking memory: Int, _ title: String
  ) throws(DataError) -> ArraySlice<UInt8> {
    guard !location.isEmpty, location != ".", location != "..", !location.contains(where: { "/\\\0".contains($0) })
    else {
      throw DataError(
        .unsupportedContent, "\(title) has its values in \(location.quoted), which is not beside the model",
        remedy: "put both files in one folder")
    }
    let path = (folder.isEmpty ? "." : folder) + "/" + location
    // A name that is a link may lead anywhere, and is not followed.
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
    guard descriptor >= 0 else {
      throw DataError(
        .missingFile, file: path, "the values of \(title) should be here, but there is no plain file",
        remedy: "put it beside the model")
    }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG else {
      throw DataError(.unreadableFile, file: path, "the values of \(title) should be here, but this is no plain file")
    }
    let end = offset.addingReportingOverflow(count)
    guard !end.overflow, end.partialValue <= Int(status.st_size) else {
      throw DataError(
        .damagedFile, file: path, "\(title) reaches beyond the end of the file", remedy: "copy or export it again")
    }
    taken[location, default: 0] += count
    guard taken[location, default: 0] <= 2 * Int(status.st_size) else {
      throw DataError(.damagedFile, file: path, "the tensors of the model overlap in this file")
    }
    try MemoryBudget.current.take(memory, for: title)
    var bytes = [UInt8](repeating: 0, count: count)
    var done = 0
    while done < count {
      let received = bytes.withUnsafeMutableBytes { buffer in
        pread(descriptor, buffer.baseAddress.map { $0 + done }, count - done, off_t(offset + done))
      }
      if received > 0 {
        done += received
      } else if received == 0 || errno != EINTR {
        throw DataError(.unreadableFile, file: path, "the values of \(title) cannot be read")
      }
    }
    return bytes[...]
  }
}
