using Insula.Tenancy.Faults;

namespace Insula.Tenancy.Access;

/// <summary>The peppers of one node: a file that only its account can read, on disk before the first key is hashed.</summary>
internal sealed class PepperFile(string path) : IPepperStore
{
    private const long FileBytesMax = 64 * 1024;

    public string Place => path;

    public async Task<string?> ReadAsync(CancellationToken ct)
    {
        try
        {
            if (!File.Exists(path)) return null;
            return new FileInfo(path).Length > FileBytesMax ? "" : await File.ReadAllTextAsync(path, ct);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(Fault.Unavailable("pepper_unreadable", $"The pepper file {path} cannot be read: make it readable for the account that runs Insula.", error.Message), error);
        }
    }

    public Task AddAsync(string text, CancellationToken ct)
    {
        try
        {
            DurableFile.Create(path, text);
            return Task.CompletedTask;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new FaultException(Fault.Unavailable("pepper_not_written", $"The pepper file {path} cannot be written: make its folder writable for the account that runs Insula.", error.Message), error);
        }
    }
}
